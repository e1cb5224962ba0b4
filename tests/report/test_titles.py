"""Titles of methods: what people say, and never the same twice."""

from mtbkd.report.titles import Named, titles


def test_titles_say_signal_weights_and_inference_and_what_else_the_id_says() -> None:
    found = titles(
        [
            Named("labels_map", "none", "", "map"),
            Named("tip_entropy_sgld_paper", "tip", "entropy", "sgld"),
            Named("kd_equal_last", "kd", "equal", "hmc_laplace"),
            Named("mine", "margin_prior", "equal", "vi"),
        ]
    )
    assert list(found.values()) == [
        "Labels alone, MAP",
        "MT-BKD, entropy weights, SGLD (paper)",
        "KD (log pool), equal weights, HMC (last layer)",
        "margin prior, equal weights, VI (mine)",
    ]


def test_methods_whose_ids_differ_in_order_alone_keep_their_ids() -> None:
    same = [Named("tip_map", "tip", "", "map"), Named("map_tip", "tip", "", "map")]
    assert titles(same) == {"tip_map": "MT-BKD, MAP (tip_map)", "map_tip": "MT-BKD, MAP (map_tip)"}
