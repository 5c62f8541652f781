"""Looks of own languages: of none other, a control's like its languages' in hue and apart in lightness."""

from colorsys import rgb_to_hls

from impossible_lms.languages import LANGUAGES
from impossible_lms.languages.language import Style
from impossible_lms.report.colours import distance, luminance
from impossible_lms.report.figures import family_of, language_order, style_of
from impossible_lms.report.own import Described, allotted, drawing

OTHERS = [LANGUAGES[name].style for name in ("no-shuffle", "local-shuffle-w3", "token-hop", "partial-reverse")]


def test_no_two_languages_look_alike():
    own = [Described(f"mine-{number}", "no-shuffle") for number in range(8)]
    found = allotted(own, OTHERS)
    colours = [each.style.colour for each in found.values()] + [style.colour.lower() for style in OTHERS]
    assert len(set(colours)) == len(colours) == 12
    looks = [(each.style.dash, each.style.sign) for each in found.values()]
    assert len(set(looks)) == 8 and not set(looks) & {(style.dash, style.sign) for style in OTHERS}
    assert min(distance(a, b) for a in colours[:4] for b in colours[8:]) > 0.03


def test_a_control_is_of_the_hue_of_its_languages_and_darker():
    own = [Described("my-control", "my-control"), Described("my-reversal", "my-control"), Described("lone", "no-hop")]
    found = allotted(own, OTHERS)
    control, reversal = (found[name].style.colour for name in ("my-control", "my-reversal"))
    hues = [rgb_to_hls(*(int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)))[0] for colour in (control, reversal)]
    assert abs(hues[0] - hues[1]) < 0.02 and luminance(control) < 0.6 * luminance(reversal)
    assert found["lone"].style.colour not in (control, reversal)
    assert allotted(reversed(own), OTHERS) == found  # the order in which they come does not matter


def test_a_look_that_a_language_says_is_its_own_where_it_is_free():
    said, taken = Style("#123456", "--", "X"), Style("#E8384F", "--", "s")
    found = allotted([Described("a", None, said), Described("b", None, taken)], [Style("#e8384f", "--", "s")])
    assert found["a"].style == said and found["b"].style.colour != "#e8384f"


def test_own_languages_stand_in_the_panel_of_their_control():
    own = [Described("swap", "no-shuffle"), Described("my-control", "my-control"), Described("turned", "my-control")]
    with drawing(own, OTHERS):
        assert family_of("swap") == "shuffle" and family_of("turned") == family_of("my-control") == "own: my-control"
        order = sorted(["turned", "my-control", "swap", "no-hop", "no-shuffle"], key=language_order)
        assert order == ["no-shuffle", "swap", "no-hop", "my-control", "turned"]
        inside = style_of("swap")
    assert style_of("swap") != inside or family_of("turned") == "own"
