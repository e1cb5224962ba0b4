"""Grey digits made into colour images, and what lies behind them. n images of S x S pixels, ink and colours in [0, 1]."""

import numpy as np

CANDIDATES = 4  # colours of the stroke to choose from; the one farthest from the ground's is taken
STEEPNESS = (0.8, 1.4)  # exponents of the textures' spectra; photographs have about 1
CONTRAST = 0.22  # standard deviation of a texture's brightness
CHUNK = 1000  # textures made at a time: their spectra are large
TINT = 0.35  # what of a texture's variation is its colour's own


def colours(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Colours of ground and stroke, each (n, 3, 1, 1); the stroke's stands out."""
    ground = rng.random((n, 1, 3))
    drawn = rng.random((n, CANDIDATES, 3))
    farthest = np.linalg.norm(drawn - ground, axis=-1).argmax(1)
    return ground[:, 0, :, None, None], drawn[np.arange(n), farthest][:, :, None, None]


def coloured(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Strokes of one colour on a ground of another: ink (n, S, S) to float32 (n, 3, S, S)."""
    ground, stroke = colours(len(ink), rng)
    cover = ink[:, None]
    return (ground * (1 - cover) + stroke * cover).astype(np.float32)


def blended(ink: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """MNIST-M's blending |ground - ink| (Ganin & Lempitsky 2015): ink (n, S, S) and ground (n, 3, S, S) to float32."""
    return np.abs(ground - ink[:, None]).astype(np.float32)


def textures(n: int, side: int, rng: np.random.Generator) -> np.ndarray:
    """Random clouds (n, 3, side, side) whose amplitude falls with spatial frequency f about as 1/f, as in photographs.

    Brightness is shared by the three channels, and each has some variation of its own.
    """
    chunks = [_clouds(min(CHUNK, n - done), side, rng) for done in range(0, n, CHUNK)]
    return np.concatenate(chunks) if chunks else np.empty((0, 3, side, side), np.float32)


def _clouds(n: int, side: int, rng: np.random.Generator) -> np.ndarray:
    wide = 2 * side  # a window of a periodic field twice as wide, so that opposite edges do not meet
    frequency = np.hypot(np.fft.fftfreq(wide)[:, None], np.fft.rfftfreq(wide)[None])
    frequency[0, 0] = np.inf
    amplitude = frequency ** -rng.uniform(*STEEPNESS, (n, 1, 1, 1))
    fields = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((n, 4, wide, wide))) * amplitude, s=(wide, wide))
    fields = fields[:, :, :side, :side]
    fields = (fields - fields.mean((2, 3), keepdims=True)) / fields.std((2, 3), keepdims=True)
    mixed = (1 - TINT) * fields[:, :1] + TINT * fields[:, 1:]
    level = rng.uniform(0.2, 0.8, (n, 3, 1, 1))
    return np.clip(level + CONTRAST * mixed, 0, 1).astype(np.float32)


def patches(pixels: np.ndarray, n: int, side: int, rng: np.random.Generator) -> np.ndarray:
    """Random windows (n, 3, side, side), mirrored at random, of photographs uint8 (M, 3, H, W)."""
    image = rng.integers(len(pixels), size=n)
    top, left = (rng.integers(size - side + 1, size=n) for size in pixels.shape[2:])
    across = np.where(rng.random((n, 1)) < 0.5, np.arange(side), np.arange(side)[::-1]) + left[:, None]
    down = np.arange(side) + top[:, None]
    windows = pixels[image[:, None, None], :, down[:, :, None], across[:, None, :]]
    return (windows.transpose(0, 3, 1, 2) / 255).astype(np.float32)
