"""The words of the planted worlds: the library of Marram Bay, a seaside town that never was.

They belong to the generator alone. The offline model shares no list with it, or the generator
would test what it had taught (DESIGN §8). No word stands in two phrases, so two books of one theme
with different phrases share no word at all.
"""

THEMES: dict[str, tuple[str, ...]] = {
    "seafaring": (
        "tall ships",
        "harbour tales",
        "seadog yarns",
        "ocean voyages",
        "lighthouse keepers",
        "whaling logbooks",
        "storm rescues",
        "captain's diaries",
    ),
    "gardening": (
        "kitchen gardens",
        "heirloom roses",
        "compost lore",
        "seed saving",
        "orchard pruning",
        "greenhouse wonders",
        "hedgerow botany",
        "allotment life",
    ),
    "hauntings": (
        "ghost stories",
        "cursed manors",
        "midnight séances",
        "restless spirits",
        "eerie folklore",
        "churchyard legends",
        "phantom coaches",
        "spectral visitors",
    ),
    "cookery": (
        "bread baking",
        "pickled suppers",
        "grandmother's recipes",
        "stovetop stews",
        "pastry craft",
        "jam making",
        "fishmonger's feasts",
        "smokehouse secrets",
    ),
    "detection": (
        "locked rooms",
        "village murders",
        "amateur sleuths",
        "poisoned letters",
        "stolen jewels",
        "inspector's casebook",
        "false alibis",
        "courtroom puzzles",
    ),
    "astronomy": (
        "night skies",
        "comet hunters",
        "distant planets",
        "telescope building",
        "moon atlases",
        "star charts",
        "galactic wanderings",
        "eclipse chasers",
    ),
    "railways": (
        "steam engines",
        "branch lines",
        "sleeper trains",
        "signal boxes",
        "station masters",
        "locomotive drawings",
        "viaduct builders",
        "carriage restorers",
    ),
    "weaving": (
        "handloom patterns",
        "woollen dyes",
        "tapestry makers",
        "spinning wheels",
        "patchwork quilts",
        "lace bobbins",
        "embroidered samplers",
        "knitted ganseys",
    ),
}
"""Each theme's synonymous phrases, of which a book shows two or three."""

FORENAMES = (
    *("Ada", "Bram", "Cora", "Davy", "Edith", "Fergus", "Greta", "Hamish", "Isla", "Jonas"),
    *("Kitty", "Lorna", "Mabel", "Ned", "Olive", "Percy", "Queenie", "Rufus", "Sylvie", "Tobias"),
)
SURNAMES = (
    *("Ashdown", "Birtwhistle", "Cobbold", "Dunmore", "Eastlake", "Fairweather", "Godolphin"),
    *("Hathersage", "Inchbald", "Jessop", "Kittow", "Larkspur", "Merriman", "Nethercott"),
    *("Oldacre", "Penrose", "Quiller", "Ravenhill", "Selwyn", "Trevanion", "Underhay", "Venning"),
    *("Wetherby", "Yarrow", "Zennor"),
)
"""Authors' names say nothing about a theme; forename and surname together give 500 authors."""
