"""Wrong command lines, and patterns that their one-line errors match."""

TINY = ("-n", "tiny")
"""A network that has learned from three records."""
RAW = ("-n", "raw")
"""One that was loaded and not bootstrapped."""
ELSEWHERE = ("-n", "elsewhere")
USED = "order-1"
"""The id of an interaction of ann."""

UNKNOWN = r"^recnet: no network 'elsewhere'; there are: raw, tiny$"
NO_NAME = r"^recnet: --network: a name is one line of 1 to 200 printable characters"
OTHER_ENCODER = "'?tiny'? was (made|bootstrapped) with (the )?encoder.*offline"
SHAPED = "^recnet: network 'tiny' was bootstrapped with {}: load the data under another name"

WRONG_VALUES = {
    "tau": ("2", "-2", "nan", "inf", "-inf", "high"),
    "routers": ("0", "-1", "1001", "1.5", "nan"),
    "update_size": ("0", "nan", "1" + "0" * 20),
    "buffer_size": ("0", "101", "many"),
    "same_attribute": ("0", "1.1", "nan", "inf"),
    "hears_from": ("0", "-1", "nan", "inf", "1e308"),
    "router_attributes": ("0", "1" + "0" * 20),
    "echo": ("perhaps",),
    "propagation": ("all",),
    "seed": ("-1", "nan", "1" + "0" * 20),
}

REFUSED = [
    # Keys and identities
    (
        ("interact", "nobody", "j1", "m1", *TINY),
        "unknown user 'nobody'; `recnet show users --network tiny` lists them",
    ),
    (("interact", "ann", "zz", "m1", *TINY), "unknown item 'zz'"),
    (("interact", "ann", "j1", "zz", *TINY), "unknown item 'zz'"),
    (("interact", "ann", "j1", "j1", *TINY), "'j1' cannot be both the positive and the negative"),
    (("interact", "ann", "j1", " j1 ", *TINY), "'j1' cannot be both"),
    (("interact", "", "j1", "m1", *TINY), "unknown user ''"),
    (("interact", "\x01\x02", "j1", "m1", *TINY), "unknown user ''"),
    (("interact", "ann", "", "m1", *TINY), "unknown item ''"),
    (("interact", "ann", "j1", "\udcff", *TINY), "unknown item ''"),
    (("interact", "x" * 100_000, "j1", "m1", *TINY), "unknown user 'xxx"),
    (("interact", "bob", "j1", "m1", *TINY, "--id", USED), f"'{USED}' was another record: give"),
    (("interact", "ann", "j2", "m2", *TINY, "--id", USED), f"'{USED}' was another record: give"),
    (("interact", "ann", "j1", "m1", *RAW), "run `recnet bootstrap --network raw`"),
    (("recommend", "nobody", *TINY), "unknown user 'nobody'"),
    (("recommend", "", *TINY), "unknown user ''"),
    (("recommend", "ann", "j1", "zz", *TINY), "unknown item 'zz'"),
    (("recommend", "ann", "\x01", *TINY), "unknown item ''"),
    (("recommend", "ann", "j1", "j1", *TINY), "a candidate is named twice"),
    (("show", "user", "nobody", *TINY), "unknown user 'nobody'"),
    (("show", "item", "\x01", *TINY), "unknown item ''"),
    (("show", "user", *TINY), "recnet show user KEY --network tiny"),
    (("show", "router", "99", *TINY), "no router 99; there are 1 to 3"),
    (("show", "router", "9" * 30, *TINY), "no router 9+; there are 1 to 3"),
    (("show", "router", "one", *TINY), "a router has a number, not 'one'"),
    (("show", "router", "²", *TINY), "a router has a number, not '²'"),
    (("trace", "nothing", *TINY), "no interaction 'nothing' in .*; `recnet show interactions"),
    (("trace", "a\nb", *TINY), "no interaction 'a b'"),
    (("trace", "\udcff", *TINY), "no interaction ''"),
    (("interact", "ann", "j1", "m1", *TINY, "--id", ""), "the interaction's id is empty"),
    (("interact", "ann", "j1", "m1", *TINY, "--id", "\x01"), "the interaction's id is empty"),
    (("retry", "nothing", *TINY), "no interaction 'nothing' in network 'tiny'"),
    (("retry", USED, *TINY), f"'{USED}' did not fail: it was learned from"),
    # Modules
    (("rollback", "user:nobody", "--to", "1", *TINY), "unknown user 'nobody'"),
    (("rollback", "user:ann", "--to", "99", *TINY), "user:ann has no version 99; it has 1 to "),
    (
        ("rollback", "ann", "--to", "1", *TINY),
        "'ann' is not the name of a module: write it as one of user:KEY",
    ),
    (("edit", "router:99", "--text", "x", *TINY), "no router 99; there are 1 to 3"),
    (("edit", "user:ann", "--text", " ", *TINY), "the text is empty"),
    (("edit", "user:ann", "--text", "x" * 3_000, *TINY), "has 3000 characters, at most 2000 are"),
    (("pin", "rules:router:1", *TINY), "is not the name of a module"),
    (("pin", "user:\udcff", *TINY), "unknown user ''"),
    (("unpin", "router:1", *RAW), "run `recnet bootstrap --network raw`"),
    # Copies
    (("copy", "tiny", "raw"), "network 'raw' exists: choose another name"),
    (("copy", "tiny", "a\nb"), "network: .*a name is one line of printable characters"),
    (("copy", "raw", "new"), "run `recnet bootstrap --network raw`"),
    (("copy", "elsewhere", "new"), UNKNOWN),
    (("copy", "tiny", "new", "--set", "seed=1"), "seed is fixed at bootstrap; bootstrap another"),
    (("copy", "tiny", "new", "--set", "buffer_sise=1"), "did you mean buffer_size\\?$"),
    (
        ("copy", "tiny", "new", "--set", "buffer_size=0"),
        "^recnet: buffer_size: must be greater",
    ),
    (
        ("copy", "tiny", "new", "--set", "colour=red"),
        "no setting is called 'colour'; known are upd",
    ),
    # Networks
    (("bootstrap", *ELSEWHERE), UNKNOWN),
    (("train", *ELSEWHERE), UNKNOWN),
    (("interact", "ann", "j2", "m1", *ELSEWHERE), UNKNOWN),
    (("recommend", "ann", *ELSEWHERE), UNKNOWN),
    (("show", *ELSEWHERE), UNKNOWN),
    (("show", "user", "ann", *ELSEWHERE), UNKNOWN),
    (("show", "interactions", *ELSEWHERE), UNKNOWN),
    (("trace", USED, *ELSEWHERE), UNKNOWN),
    (("evaluate", *ELSEWHERE), UNKNOWN),
    (("digest", *ELSEWHERE), UNKNOWN),
    (("digest", "--diff", "tiny", "elsewhere"), UNKNOWN),
    (("rollback", "user:ann", "--to", "1", *ELSEWHERE), UNKNOWN),
    (("edit", "user:ann", "--text", "x", *ELSEWHERE), UNKNOWN),
    (("pin", "user:ann", *ELSEWHERE), UNKNOWN),
    (("retry", *ELSEWHERE), UNKNOWN),
    (("drop", "--yes", *ELSEWHERE), UNKNOWN),
    (("digest", "-n", ""), NO_NAME),
    (("digest", "-n", "\x00"), NO_NAME),
    (("digest", "-n", "\udcff"), NO_NAME),
    (("load", "FOLDER", "-n", ""), NO_NAME),
    (("load", "FOLDER", "-n", "  "), NO_NAME),
    (("load", "FOLDER", "-n", "a\nb"), NO_NAME),
    (("load", "FOLDER", "-n", "a\x1b[31mb"), NO_NAME),
    (("load", "FOLDER", "-n", "a\u202eb"), NO_NAME),
    (("load", "FOLDER", "-n", "x" * 201), NO_NAME),
    (("load", "FOLDER", *TINY), "network 'tiny' exists: choose another name, or `recnet drop"),
    # Folders
    (("load", "FOLDER/nowhere", "-n", "new"), "nowhere: no such folder or file$"),
    (("load", "FOLDER/w.item", "-n", "new"), r"w\.item: no known data format; found w\.item\. Acc"),
    (
        ("load", "FOLDER", "-n", "new", "--domain", ""),
        "^recnet: --domain is empty: give a plural noun",
    ),
    (
        ("load", "FOLDER", "-n", "new", "--domain", "\x01"),
        "^recnet: --domain is empty: give a plural noun",
    ),
    # Settings that shape a network
    (
        ("bootstrap", *RAW, "--set", "colour=red"),
        "--set colour=red: no setting is called 'colour'; known",
    ),
    (("bootstrap", *RAW, "--set", "tau"), "--set tau: write it as NAME=VALUE"),
    (("bootstrap", *RAW, "--set", "=3"), "--set =3: no setting is called ''"),
    (("bootstrap", *RAW, "--set", "encoder=x"), "the encoder is set by RECNET_EMBEDDING"),
    (("bootstrap", *RAW, "--set", "tau="), "^recnet: tau: "),
    *[
        (("bootstrap", *RAW, "--set", f"{name}={value}"), f"^recnet: {name}: must be ")
        for name, values in WRONG_VALUES.items()
        for value in values
    ],
    (("bootstrap", *TINY, "--seed", "7"), SHAPED.format("seed=0, not 7")),
    (("bootstrap", *TINY, "--set", "routers=8"), SHAPED.format("routers=3, not 8")),
    (
        ("bootstrap", *TINY, "--set", "routers=3", "--set", "update_size=9"),
        "bootstrapped with update_size=5, not 9: `recnet copy tiny NAME --set update_size=9` makes",
    ),
]
"""Command lines and the patterns of their errors; the exit code is 1. FOLDER holds a data set."""

MISTYPED = [
    ("nonsense",),
    ("train", "--nonsense"),
    ("train", *TINY, "--limit", "-1"),
    ("train", *TINY, "--limit", "x"),
    ("train", *TINY, "--fit", "test"),
    ("bootstrap", *RAW, "--seed", "-1"),
    ("bootstrap", *RAW, "--seed", "x"),
    ("recommend", "ann", *TINY, "--count", "0"),
    ("show", "nonsense", *TINY),
    ("rollback", "user:ann", *TINY),
    ("rollback", "user:ann", "--to", "0", *TINY),
    ("evaluate", *TINY, "--split", "train"),
    ("evaluate", *TINY, "--draws", "0"),
    ("interact", "ann", "j1", *TINY),
]
"""Command lines that the parser refuses, with exit code 2."""

UNSET = [
    ("MAX_CONCURRENT_CALLS", "0"),
    ("MAX_CONCURRENT_CALLS", "many"),
    ("CONNECTIONS", "1"),
    ("CONNECTIONS", "81"),
    ("TEMPERATURE", "9"),
    ("TEMPERATURE", "nan"),
    ("TIMEOUT", "0"),
    ("TIMEOUT", "nan"),
    ("TIMEOUT", "inf"),
    ("TEMPLATES", "/nowhere"),
    ("BUDGET_CALLS", "-1"),
    ("BUDGET_TOKENS", "1.5"),
    ("MODEL", "nonsense"),
    ("EMBEDDING", "nonsense"),
]
"""RECNET_… variables out of range; the line names them."""
