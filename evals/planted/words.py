"""The words of the planted worlds: subjects, titles and authors of a small town library.

They belong to the generator alone. The offline model shares no list with it: otherwise a world
would test what the model had been taught.

The subjects of a theme are related as the tags of a library are: `shipwrecks` and `steamships`. A
language model knows that they belong together. The offline encoder compares character n-grams, so
it sees the common root and nothing else. Whoever compares whole words sees nothing: no word, nor a
plural or possessive of it, stands in two subjects, titles or authors.
"""

from collections.abc import Mapping

THEMES: Mapping[str, Mapping[str, str]] = {
    "birds": {
        "birdwatching": "Birdwatcher's", "songbirds": "Songbird", "birdsong recordings": "Birdsong",
        "shorebirds": "Shorebird", "blackbirds": "Blackbird's", "hummingbirds": "Hummingbird",
        "mockingbirds": "Mockingbird's", "bluebirds": "Bluebird",
        "bird migration": "Bird Migration", "birdhouse carpentry": "Birdhouse",
        "caged lovebirds": "Lovebird", "firebird legends": "Firebird's",
    },
    "crime": {
        "murder mysteries": "Murder", "confessed murderers": "Murderer's",
        "murderous relations": "Murderous", "murderesses": "Murderess's",
        "poison pen letters": "Poison Pen", "poisoners": "Poisoner's",
        "poisoned chocolates": "Poisoned", "poisonous plants": "Poisonous",
        "detective stories": "Detective's", "amateur detection": "Detection",
        "undetected forgeries": "Undetected", "lie detectors": "Lie Detector",
    },
    "gardens": {
        "gardening": "Gardening", "rose gardens": "Rose Garden",
        "landscape gardeners": "Gardener's", "gardenias": "Gardenia", "wildflowers": "Wildflower",
        "sunflowers": "Sunflower", "flower arranging": "Flower Arranger's",
        "flowerbeds": "Flowerbed", "cornflowers": "Cornflower", "flowering shrubs": "Flowering",
        "wallflowers": "Wallflower's", "elderflower cordials": "Elderflower",
    },
    "mountains": {
        "mountaineering": "Mountaineering", "mountain railways": "Mountain Railway",
        "veteran mountaineers": "Mountaineer's", "mountainside villages": "Mountainside",
        "mountaintop monasteries": "Mountaintop", "mountainous islands": "Mountainous Island",
        "alpine meadows": "Alpine", "alpinists": "Alpinist's", "rock climbing": "Rock Climbing",
        "transalpine journeys": "Transalpine", "subalpine lakes": "Subalpine Lake",
        "ice climbers": "Ice Climber's",
    },
    "needlework": {
        "needlework": "Needlework", "needlepoint": "Needlepoint", "needlecraft": "Needlecraft",
        "needlewomen": "Needlewoman's", "needlecases": "Needlecase",
        "needle felting": "Needle Felter's", "stitchcraft": "Stitchcraft",
        "cross stitch": "Cross Stitch", "hemstitching": "Hemstitch",
        "parish stitchers": "Stitcher's", "topstitching": "Topstitch",
        "backstitching": "Backstitch",
    },
    "ships": {
        "shipwrecks": "Shipwreck", "shipbuilding": "Shipbuilder's", "steamships": "Steamship",
        "warships": "Warship", "shipyards": "Shipyard", "lightships": "Lightship",
        "tall ships": "Tall Ship", "shipmates": "Shipmate's", "midshipmen": "Midshipman's",
        "flagships": "Flagship", "seamanship": "Seamanship",
        "shipping forecasts": "Shipping Forecast",
    },
    "space": {
        "spaceflight": "Spaceflight", "space stations": "Space Station",
        "spacewalks": "Spacewalker's", "spacecraft": "Spacecraft", "spacesuits": "Spacesuit",
        "spaceports": "Spaceport", "planetary rings": "Planetary", "exoplanets": "Exoplanet",
        "dwarf planets": "Dwarf Planet", "planetariums": "Planetarium", "planetoids": "Planetoid",
        "interplanetary travel": "Interplanetary",
    },
    "teatime": {
        "pancakes": "Pancake", "cupcakes": "Cupcake", "fruitcakes": "Fruitcake",
        "teacakes": "Teacake", "wedding cakes": "Wedding Cake", "shortcakes": "Shortcake",
        "oatcakes": "Oatcake", "cookery schools": "Cookery School", "cookbooks": "Cookbook",
        "home cooking": "Home Cooking", "cookies": "Cookie", "pastry cooks": "Pastry Cook's",
    },
}  # fmt: skip
"""Each theme's subjects, and the word or words by which a title names each of them."""

_NOUNS = """
Affair Almanac Ambition Anniversary Apprentice Arrangement Ballad Banquet Bargain Betrayal Birthday
Bride Calendar Carnival Ceremony Champion Chapel Children Chronicles Cipher Circle Club Code
Companion Company Compass Competition Conspiracy Cottage Cousin Crossing Curse Dance Daughter
Dilemma Disguise Dispute Dream Dynasty Empire Encounter Enigma Escape Estate Expedition Experiment
Fable Family Farewell Festival Feud Fortune Friend Funeral Gallery Game Ghost Gift Guest Handbook
Harvest Heir Holiday Homecoming Honeymoon Hotel Hour House Husband Imposter Inheritance Inn
Invitation Jewel Jubilee Key Kingdom Labyrinth Language Lantern Ledger Legacy Lesson Library Lodger
Lullaby Magician Manuscript Map Marriage Masquerade Memoirs Memory Miracle Mirror Mission Museum
Neighbour Nephew Niece Notebook Oath Obsession Opera Oracle Orchestra Orphans Palace Paradox Parade
Partner Party Photograph Pilgrimage Portrait Postcards Prayer Prince Princess Prisoner Prize Promise
Prophecy Proposal Puzzle Quarrel Queen Quest Question Rebellion Refuge Remedy Reunion Revenge Reward
Riddle Rival Road Romance Rumour Saint Scandal Season Secret Shadow Silence Sister Society Souvenir
Spell Stranger Summer Sunday Surprise Telegram Temptation Testament Theatre Thief Trap Treasure
Triumph Twins Uncle Verdict Vigil Visitor Vow Wager Waltz Widow Wife Window Winter Wish Witness
"""
NOUNS = tuple(_NOUNS.split())
"""A title ends with one of them. Each world deals them out to its waves at random."""

AUTHORS = (
    "Agnes Harrow", "Albert Quill", "Beatrix Moss", "Bruno Castell", "Clara Whitby", "Conrad Ames",
    "Daphne Orme", "Desmond Pike", "Edith Larkin", "Emil Brandt", "Flora Neville", "Felix Dunmore",
    "Greta Holm", "Gilbert Rudd", "Hester Vane", "Hugo Marchetti", "Imogen Tait", "Isaac Lindqvist",
    "Judith Sorrel", "Jasper Crane", "Kitty Oakes", "Kenneth Borley", "Lavinia Strand",
    "Leopold Yates", "Mabel Thorne", "Magnus Ferris", "Nora Whitlock", "Nigel Abbot",
    "Olive Pemberton", "Oscar Delaney", "Phoebe Garrick", "Percy Umber", "Quentin Loomis",
    "Rosalind Kerr", "Rupert Jessop", "Sylvia Hatch", "Stanley Wroth", "Tabitha Venn",
    "Theodore Bligh", "Ursula Fenn", "Violet Ramsay", "Victor Oldcastle", "Winifred Mayhew",
    "Walter Epps", "Yvonne Tranter", "Zelda Corby", "Ambrose Teague", "Cecily Dray",
)  # fmt: skip
"""Each world deals them out to its waves at random too, so an author keeps to one wave."""
