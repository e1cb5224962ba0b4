"""What is made from images: noise of growing size, colours, textures, rendered digits."""

import numpy as np

from mtbkd.data.images.fonts import rendered
from mtbkd.data.images.paint import blended, coloured, patches, textures
from mtbkd.data.images.perturb import perturbed

SIDE = 28


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_perturbed_images_span_minus_one_to_one_and_gamma_0_leaves_full_ones_alone() -> None:
    x = rng().uniform(-1, 1, (5, 1, 8, 8)).astype(np.float32)
    x[:, 0, 0, 0], x[:, 0, 0, 1] = -1, 1
    noise = rng().standard_normal(x.shape, dtype=np.float32)
    np.testing.assert_allclose(perturbed(x, 0, noise), x, atol=1e-6)
    moved = perturbed(x, 0.5, noise)
    assert np.allclose(moved.min((1, 2, 3)), -1) and np.allclose(moved.max((1, 2, 3)), 1) and moved.dtype == np.float32
    wanted = x[0] + 0.5 * noise[0]
    np.testing.assert_allclose(moved[0], 2 * (wanted - wanted.min()) / np.ptp(wanted) - 1, atol=1e-5)


def test_an_image_of_one_colour_survives_the_rescaling() -> None:
    assert np.isfinite(perturbed(np.ones((1, 1, 2, 2), np.float32), 0, np.zeros((1, 1, 2, 2), np.float32))).all()


def test_strokes_and_ground_keep_their_own_colour() -> None:
    ink = np.zeros((20, SIDE, SIDE))
    ink[:, 10:18, 10:18] = 1
    x = coloured(ink, rng())
    ground, stroke = x[:, :, 0, 0], x[:, :, 12, 12]
    assert np.array_equal(x[:, :, 27, 27], ground) and (np.linalg.norm(ground - stroke, axis=1) > 0.3).all()
    assert len(np.unique(ground, axis=0)) == 20


def test_blending_is_the_distance_of_ground_and_ink() -> None:
    ground = rng().random((3, 3, SIDE, SIDE)).astype(np.float32)
    ink = np.zeros((3, SIDE, SIDE))
    np.testing.assert_allclose(blended(ink, ground), ground)
    np.testing.assert_allclose(blended(ink + 1, ground), 1 - ground, rtol=1e-6)


def test_the_amplitude_of_textures_falls_about_as_one_over_frequency() -> None:
    x = textures(60, SIDE, rng()).mean(1)
    power = (np.abs(np.fft.fft(x - x.mean((1, 2), keepdims=True), axis=2)) ** 2).mean((0, 1))
    slope = np.log(power[12] / power[3]) / np.log(4)
    assert -3.2 < slope < -0.8  # a line of an image with amplitude 1/f has about power 1/f^1 to 1/f^2
    assert x.min() >= 0 and x.max() <= 1 and textures(0, SIDE, rng()).shape == (0, 3, SIDE, SIDE)


def test_patches_are_windows_of_the_photographs() -> None:
    photograph = np.arange(3 * 32 * 32, dtype=np.int64).reshape(1, 3, 32, 32)
    found = (patches(photograph, 50, SIDE, rng()) * 255).round().astype(int)
    for window in found:
        across = np.unique(np.diff(window[0], axis=1))
        assert across.tolist() in ([1], [-1]) and np.unique(np.diff(window[0], axis=0)).tolist() == [32]
    assert len({int(w[0].min()) for w in found}) > 5


def test_rendered_digits_can_be_told_apart_and_vary() -> None:
    """A nearest mean in ink space is far above chance: the glyphs are digits, not noise."""
    label = np.arange(600) % 10
    x = rendered(label, SIDE, rng())
    assert x.shape == (600, 3, SIDE, SIDE) and x.min() >= 0 and x.max() <= 1
    assert np.array_equal(rendered(label[:20], SIDE, rng()), rendered(label[:20], SIDE, rng()))
    corner = np.median(x[:, :, :3].reshape(600, 3, -1), axis=2)
    ink = np.abs(x - corner[:, :, None, None]).sum(1).reshape(600, -1)
    ink /= np.linalg.norm(ink, axis=1, keepdims=True)
    means = np.stack([ink[:400][label[:400] == k].mean(0) for k in range(10)])
    nearest = (ink[400:] @ (means / np.linalg.norm(means, axis=1, keepdims=True)).T).argmax(1)
    assert (nearest == label[400:]).mean() > 0.25
