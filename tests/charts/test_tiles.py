"""Tiles: pictures stand once, all pixels but the players' are paled, and nothing is drawn where nothing was found."""

import numpy as np

from lk.charts import image_tiles
from lk.charts.tiles import address, rectangles
from tests.helpers.moving_frames import strongest

OWNERS = np.arange(16).reshape(1, 4, 4).repeat(2, 0) // 4
IMAGES = np.linspace(0, 1, 32, dtype=np.float32).reshape(2, 1, 4, 4)


def test_rectangles_cover_exactly_the_mask():
    generator = np.random.default_rng(0)
    for _ in range(20):
        mask, covered = generator.random((9, 7)) < 0.5, np.zeros((9, 7), int)
        for x, y, width, height in rectangles(mask):
            covered[y : y + height, x : x + width] += 1
        assert (covered == mask).all()


def test_a_picture_stands_once_per_row_under_a_name_of_its_own():
    text = image_tiles(strongest(), IMAGES, OWNERS, "own").file("")
    assert text.count("data:image/png") == 2
    assert text.count('href="#own-0"') == text.count('href="#own-1"') == 5


def test_a_checkpoint_with_fewer_interactions_leaves_tiles_empty():
    frame = strongest()
    frame = frame[(frame["step"] > 0) | (frame["rank"] < 2)]
    chart = image_tiles(frame, IMAGES, OWNERS, "own")
    last = chart.panels[5].marks
    assert next(mark.text for mark in last if mark.tag == "text")[0] == ""
    assert next(mark for mark in last if mark.values).attributes["visibility"] == ["hidden", "visible", "visible"]


def test_large_pictures_are_made_smaller():
    assert len(address(np.random.default_rng(0).random((900, 900, 1)).astype(np.float32))) < 40_000
