"""The cache: each reference encoded once, no more bytes held than allowed, and statistics that tell."""

from fractions import Fraction

import numpy as np
import pytest

from lfvideo_sr.frames import Size
from lfvideo_sr.references.reference import CacheStatistics, EncodedReference, Reference, ReferenceCache

EACH = 1000  # bytes of an encoded reference, unless told otherwise


def reference(number: int) -> Reference:
    return Reference(("test", number), Fraction(number), f"number {number}", lambda: np.zeros((3, 4, 4), np.float32))


class Encoder:
    """Encodes a reference into as many bytes as wanted, and remembers the order."""

    def __init__(self, sizes: dict[int, int] | None = None):
        self.sizes = sizes or {}
        self.encoded: list[int] = []

    def __call__(self, reference: Reference) -> EncodedReference:
        number = reference.key[1]
        self.encoded.append(number)
        large = np.zeros(self.sizes.get(number, EACH) - 100, np.uint8)
        return EncodedReference(reference.key, {"large": large, "small": np.zeros(25, np.float32)}, Size(4, 4))


def ask(cache: ReferenceCache, *numbers: int) -> list[EncodedReference]:
    return [cache[reference(number)] for number in numbers]


def test_bytes_of_all_features_count():
    assert Encoder()(reference(0)).nbytes == EACH


def test_each_reference_is_encoded_once():
    encode = Encoder()
    cache = ReferenceCache(encode, 10 * EACH)
    first, again, other = ask(cache, 1, 1, 2)
    assert again is first and other is not first
    ask(cache, 1, 2, 1)
    assert encode.encoded == [1, 2]
    assert cache.statistics == CacheStatistics(hits=4, misses=2, peak_bytes=2 * EACH)
    assert cache.statistics.hit_rate == pytest.approx(4 / 6)


def test_references_with_equal_keys_are_the_same():
    cache = ReferenceCache(Encoder(), 10 * EACH)
    made_again = Reference(("test", 1), Fraction(1), "number 1", lambda: np.ones((3, 4, 4), np.float32), aligned=False)
    assert made_again == reference(1) and hash(made_again) == hash(reference(1))
    assert cache[reference(1)] is cache[made_again]


def test_the_least_recently_used_goes_first():
    encode = Encoder()
    cache = ReferenceCache(encode, 3 * EACH)
    ask(cache, 1, 2, 3, 1, 4)
    assert [reference(number) in cache for number in (1, 2, 3, 4)] == [True, False, True, True]
    ask(cache, 2)
    assert encode.encoded == [1, 2, 3, 4, 2]


def test_no_more_bytes_are_held_than_the_capacity():
    cache = ReferenceCache(Encoder(), 3 * EACH + 999)
    for number in range(50):
        held = ask(cache, number)[0]
        assert len(cache) * EACH <= 3 * EACH + 999
        assert reference(number) in cache and held.key == ("test", number)
    assert len(cache) == 3
    assert cache.statistics.peak_bytes == 3 * EACH
    assert cache.statistics.hit_rate == 0


def test_one_larger_than_the_capacity_is_kept_alone_while_it_is_the_last():
    encode = Encoder({2: 9 * EACH})
    cache = ReferenceCache(encode, 3 * EACH)
    ask(cache, 1, 2, 2, 2)
    assert encode.encoded == [1, 2]
    assert len(cache) == 1 and reference(2) in cache
    assert cache.statistics.peak_bytes == 9 * EACH
    ask(cache, 3)
    assert len(cache) == 1 and reference(3) in cache


def test_what_a_frame_uses_is_kept_whatever_its_size():
    """Two large references in use at once are encoded once each, and a third takes the place of the one let go."""
    encode = Encoder()
    cache = ReferenceCache(encode, EACH + 1)
    for _ in range(5):
        cache.keep([reference(1), reference(2)])
        ask(cache, 1, 2)
    assert encode.encoded == [1, 2] and len(cache) == 2
    cache.keep([reference(2), reference(3)])
    ask(cache, 2, 3, 2, 3)
    assert encode.encoded == [1, 2, 3]
    assert [reference(number) in cache for number in (1, 2, 3)] == [False, True, True]


def test_asking_whether_it_is_there_counts_and_encodes_nothing():
    encode = Encoder()
    cache = ReferenceCache(encode, EACH)
    assert reference(1) not in cache and len(cache) == 0
    assert encode.encoded == [] and cache.statistics == CacheStatistics()
    assert cache.statistics.hit_rate == 0.0


def test_a_failing_encoder_leaves_the_cache_as_it_was():
    def fail(reference: Reference) -> EncodedReference:
        raise MemoryError

    cache = ReferenceCache(fail, EACH)
    with pytest.raises(MemoryError):
        cache[reference(1)]
    assert len(cache) == 0 and reference(1) not in cache


def test_a_reference_is_cheap_and_says_what_it_is():
    def never() -> np.ndarray:
        raise AssertionError("nobody asked for pixels")

    cheap = Reference(("still", "a.png"), Fraction(1, 2), "a.png", never)
    assert "a.png" in repr(cheap) and "load" not in repr(cheap)
    assert cheap != Reference(("still", "b.png"), Fraction(1, 2), "b.png", never)
