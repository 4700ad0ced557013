"""Modules and functions stay small."""

from statistics import median

import pytest

from tests.house.tree import CODE, PRODUCT, Function, modules

MODULE_LIMIT = 300
FUNCTION_LIMIT = 40
MODULE_MEDIAN = 120
FUNCTION_MEDIAN = 8


def functions(*folders: str) -> list[Function]:
    return [function for module in modules(*folders) for function in module.functions()]


@pytest.mark.parametrize("folder", CODE)
def test_no_module_is_longer_than_300_lines(folder: str) -> None:
    sizes = {module.path: module.lines for module in modules(folder)}

    assert sizes
    assert {path: lines for path, lines in sizes.items() if lines > MODULE_LIMIT} == {}


@pytest.mark.parametrize("folder", CODE)
def test_no_function_is_longer_than_40_lines(folder: str) -> None:
    found = functions(folder)

    assert [function for function in found if function.lines > FUNCTION_LIMIT] == []


def test_the_median_module_has_120_lines_at_most() -> None:
    assert median(module.lines for module in modules(*PRODUCT) if module.lines) <= MODULE_MEDIAN


def test_the_median_function_has_8_lines_at_most() -> None:
    assert median(function.lines for function in functions(*PRODUCT)) <= FUNCTION_MEDIAN
