"""Known content of the mlbench tables, for checking a configuration before any file is read."""

from typing import NamedTuple

from mtbkd.data.datasets.resampled import Known


class Spec(NamedTuple):
    """One table.

    Attributes:
        label: column of the class.
        known: features after encoding, rows of each class, and columns of categories that domains may go by.
        dropped: columns that are no features.
        why_dropped: for the card, row names included.
        ranked: nominal in the data frame, but scores of one to ten at UCI.
    """

    label: str
    known: Known
    dropped: tuple[str, ...] = ()
    why_dropped: str = ""
    ranked: tuple[str, ...] = ()


LETTERS = (
    789,
    766,
    736,
    805,
    768,
    775,
    773,
    734,
    755,
    747,
    739,
    761,
    792,
    783,
    753,
    803,
    783,
    758,
    748,
    796,
    813,
    764,
    752,
    787,
    786,
    734,
)
SPECS = {
    "BreastCancer": Spec(
        "Class",
        Known(10, {"benign": 458, "malignant": 241}),
        dropped=("Id",),
        why_dropped="Id, the number of the sample",
        ranked=("Bare.nuclei", "Bl.cromatin", "Normal.nucleoli", "Mitoses"),
    ),
    "DNA": Spec("Class", Known(180, {"ei": 767, "ie": 765, "n": 1654})),
    "Glass": Spec("Type", Known(9, {"1": 70, "2": 76, "3": 17, "5": 13, "6": 9, "7": 29})),
    "HouseVotes84": Spec("Class", Known(32, {"democrat": 267, "republican": 168})),
    "Ionosphere": Spec("Class", Known(33, {"bad": 126, "good": 225})),
    "LetterRecognition": Spec("lettr", Known(16, dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", LETTERS, strict=True)))),
    "PimaIndiansDiabetes2": Spec("diabetes", Known(13, {"neg": 500, "pos": 268})),
    "Satellite": Spec(
        "classes",
        Known(
            36,
            {
                "red soil": 1533,
                "cotton crop": 703,
                "grey soil": 1358,
                "damp grey soil": 626,
                "vegetation stubble": 707,
                "very damp grey soil": 1508,
            },
        ),
    ),
    "Shuttle": Spec(
        "Class",
        Known(
            9,
            {
                "Rad.Flow": 45586,
                "Fpv.Close": 50,
                "Fpv.Open": 171,
                "High": 8903,
                "Bypass": 3267,
                "Bpv.Close": 10,
                "Bpv.Open": 13,
            },
        ),
    ),
    "Sonar": Spec("Class", Known(60, {"M": 111, "R": 97})),
    "Soybean": Spec(
        "Class",
        Known(
            109,
            {
                "2-4-d-injury": 16,
                "alternarialeaf-spot": 91,
                "anthracnose": 44,
                "bacterial-blight": 20,
                "bacterial-pustule": 20,
                "brown-spot": 92,
                "brown-stem-rot": 44,
                "charcoal-rot": 20,
                "cyst-nematode": 14,
                "diaporthe-pod-&-stem-blight": 15,
                "diaporthe-stem-canker": 20,
                "downy-mildew": 20,
                "frog-eye-leaf-spot": 91,
                "herbicide-injury": 8,
                "phyllosticta-leaf-spot": 20,
                "phytophthora-rot": 88,
                "powdery-mildew": 20,
                "purple-seed-stain": 20,
                "rhizoctonia-root-rot": 20,
            },
            {"crop.hist": ("0", "1", "2", "3", "missing")},
        ),
    ),
    "Vehicle": Spec("Class", Known(18, {"bus": 218, "opel": 212, "saab": 217, "van": 199})),
    "Vowel": Spec(
        "Class",
        Known(
            9,
            {
                "hid": 90,
                "hId": 90,
                "hEd": 90,
                "hAd": 90,
                "hYd": 90,
                "had": 90,
                "hOd": 90,
                "hod": 90,
                "hUd": 90,
                "hud": 90,
                "hed": 90,
            },
            {"V1": tuple(map(str, range(15)))},
        ),
        dropped=("V1",),
        why_dropped="V1, the speaker",
    ),
    "Zoo": Spec(
        "type",
        Known(16, {"mammal": 41, "bird": 20, "reptile": 5, "fish": 13, "amphibian": 4, "insect": 8, "mollusc.et.al": 10}),
        why_dropped="the names of the animals",
    ),
}
