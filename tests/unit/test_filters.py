import json

import pytest

from core.model.errors import InvalidInputError
from core.model.filters import BUDGET, EVENT_BUDGET, Filter, ask, parse_filter
from core.model.json_value import JsonValue
from tests.support.pulse import stopwatch

ORDER: JsonValue = {
    "order": {"total": 120, "paid": True, "currency": "EUR", "note": None, "lines": [{"sku": "a"}, {"sku": "b"}]},
    "tags": ["new", "b2b", 0, False],
}


@pytest.mark.parametrize(
    "path",
    [
        "$",
        "$.order",
        "$['order']['total']",
        "$.order.note",
        "$..sku",
        "$.tags[0]",
        "$.tags[-1]",
        "$.tags[1:3]",
        "$.order.lines[?@.sku == 'b']",
        "$[?@.total > 100 && @.currency == 'EUR']",
        "$[?@.paid == true]",
        "$[?length(@.currency) == 3]",
        "$[?count(@.lines[*]) == 2]",
        "$.order.lines[?@.sku != $.order.currency]",
        "$.tags[?@ == false]",
    ],
)
def test_a_query_that_selects_something_wants_the_event(path: str) -> None:
    assert parse_filter(path).selects(ORDER)


@pytest.mark.parametrize(
    "path",
    [
        "$.missing",
        "$.order.total.x",
        "$.tags[9]",
        "$[?@.total > 200]",
        "$[?@.total > '100']",
        "$[?@.paid > false]",
        "$[?@.paid == 1]",
        "$.order.lines[?@.sku == 'c']",
    ],
)
def test_a_query_that_selects_nothing_does_not(path: str) -> None:
    assert not parse_filter(path).selects(ORDER)


@pytest.mark.parametrize(
    ("path", "equals", "wanted"),
    [
        ("$.order.currency", "EUR", True),
        ("$.order.currency", "USD", False),
        ("$.order.total", 120.0, True),
        ("$.order.paid", True, True),
        ("$.order.paid", 1, False),
        ("$.order.note", None, True),
        ("$.missing", None, False),
        ("$..sku", "b", True),
        ("$.order.lines", [{"sku": "a"}, {"sku": "b"}], True),
        ("$.order.lines", [{"sku": "b"}, {"sku": "a"}], False),
        ("$.order.lines[0]", {"sku": "a"}, True),
        ("$.order.lines[0]", {"sku": "a", "more": 1}, False),
        ("$.tags", "new", False),
    ],
)
def test_something_selected_may_have_to_equal_a_value(path: str, equals: JsonValue, *, wanted: bool) -> None:
    assert parse_filter({"path": path, "equals": equals}).selects(ORDER) is wanted


@pytest.mark.parametrize(("data", "wanted"), [("[1]", True), ("x", True), (7, True), (None, True), (False, True)])
def test_data_may_be_bare(data: JsonValue, *, wanted: bool) -> None:
    assert parse_filter("$").selects(data) is wanted
    assert not parse_filter("$[0]").selects(data)


def test_a_bare_text_is_compared_as_it_is() -> None:
    assert parse_filter({"path": "$", "equals": "[1]"}).selects("[1]")
    assert not parse_filter({"path": "$", "equals": [1]}).selects("[1]")


@pytest.mark.parametrize(
    ("value", "pointer"),
    [
        ("", "/filter"),
        ("order", "/filter"),
        ("$.", "/filter"),
        ("$ ", "/filter"),
        ("$.a | $.b", "/filter"),
        ("$.a & $.b", "/filter"),
        ("^.a", "/filter"),
        ("$.~", "/filter"),
        ("$[?@.a =~ /x/]", "/filter"),
        ("$[?match(@.a, '(a+)+$')]", "/filter"),
        ("$[?search(@.a, '(a+)+$')]", "/filter"),
        ("$[?count(@.a) > ]", "/filter"),
        ("$[99999999999999999999]", "/filter"),
        ("$[?" + "(" * 900, "/filter"),
        ("$" + "[0]" * 400, "/filter"),
        (7, "/filter"),
        ([], "/filter"),
        ({"path": "$"}, "/filter"),
        ({"path": "$", "equals": 1, "more": 2}, "/filter"),
        ({"path": 1, "equals": 1}, "/filter/path"),
        ({"path": "$.", "equals": 1}, "/filter/path"),
        ({"path": "$", "equals": "x" * 5000}, "/filter/equals"),
    ],
)
def test_what_is_no_filter_is_refused_with_its_place(value: JsonValue, pointer: str) -> None:
    with pytest.raises(InvalidInputError) as raised:
        parse_filter(value)

    assert [one.pointer for one in raised.value.errors] == [pointer]


@pytest.mark.parametrize(
    "path",
    [
        "$..[*]..[*]..[*].x",
        "$" + "[*,*]" * 40 + ".x",
        "$[?count($..*) > count($..*)].x",
        "$[?$..*[?$..*[?$..*.x]]].x",
        "$[:,:,:][:,:,:][:,:,:][:,:,:][:,:,:].x",
    ],
)
def test_a_query_that_would_take_for_ever_gives_up_and_selects_nothing(path: str) -> None:
    data: JsonValue = [[[[[{"n": 1}] * 20] * 20] * 4] * 4] * 4

    with stopwatch() as spent:
        wanted, seconds = parse_filter(path).selects(data), spent()

    assert not wanted
    assert seconds < 2


def test_a_query_may_look_at_as_many_values_as_its_budget() -> None:
    assert parse_filter("$[?@ == 'x']").selects([*range(BUDGET - 1), "x"])
    assert not parse_filter("$[?@ == 'x']").selects([*range(BUDGET), "x"])


ONE_IN_MANY = "$[?@ == 'x']"


def same_filters(count: int) -> dict[str, Filter]:
    return {str(number): parse_filter(ONE_IN_MANY) for number in range(count)}


@pytest.mark.parametrize(("looks", "wanted"), [(BUDGET, True), (BUDGET + 1, False)])
def test_a_few_filters_may_each_look_at_as_many_values_as_one(looks: int, *, wanted: bool) -> None:
    few = same_filters(EVENT_BUDGET // BUDGET)

    said = ask(few, [*range(looks - 1), "x"])

    assert said == dict.fromkeys(few, wanted)


@pytest.mark.parametrize(("looks", "wanted"), [(BUDGET // 5, True), (BUDGET // 5 + 1, False)])
def test_many_filters_have_their_share_of_what_all_may_look_at(looks: int, *, wanted: bool) -> None:
    many = same_filters(5 * EVENT_BUDGET // BUDGET)

    said = ask(many, [*range(looks - 1), "x"])

    assert said == dict.fromkeys(many, wanted)


def test_filters_that_look_at_too_much_take_nothing_from_others() -> None:
    greedy = {str(number): parse_filter({"path": "$..*..*..*", "equals": number}) for number in range(40)}
    nested: JsonValue = json.loads("[" * 40 + "]" * 40)

    said = ask({**greedy, "light": parse_filter("$[0][0]"), "heavy": parse_filter("$[*][*]")}, nested)

    assert said == {**dict.fromkeys(greedy, False), "light": True, "heavy": True}


@pytest.mark.parametrize(
    "path", ["$", "$.a.b", "$['a'][0]", "$.lines[*].sku", "$.lines[?@.sku == 'b']", "$[?@.a > 1 && @.b == 2]", "$[1:2]"]
)
def test_a_query_that_looks_at_each_value_about_once_is_light(path: str) -> None:
    assert parse_filter(path).light
    assert parse_filter({"path": path, "equals": 1}).light


@pytest.mark.parametrize(
    "path", ["$..a", "$.*.*", "$[0,0][0,0]", "$[:][:]", "$[?@.*]", "$[?@.a == $.b]", "$[?@.a || @.b || @.c]"]
)
def test_a_query_that_may_look_at_a_value_many_times_is_not_light(path: str) -> None:
    assert not parse_filter(path).light
    assert not parse_filter({"path": path, "equals": 1}).light
