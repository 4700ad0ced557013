"""The scripts of the first page as one: what becomes of each form, and what is refused."""

import pytest

from api.joining import UnknownFormError, join_scripts


def joined(**scripts: str) -> dict[str, str]:
    """Join `a/…` into `main.js`; `b/…` stay apart."""
    named = {f"{name.replace('_', '/')}.js": text for name, text in scripts.items()}
    return join_scripts(named, [name for name in named if name.startswith("a/")], "main.js")


def test_a_part_stands_before_what_needs_it() -> None:
    main = joined(
        main='import { two } from "./a/two.js";\ntwo();\n',
        a_one="export const one = 1;\n",
        a_two='import { one } from "./one.js";\n\nexport function two() {\n  return one;\n}\n',
    )["main.js"]

    assert main == (
        "export const modules = {  };\n"
        'modules["a/one.js"] = (() => {\nconst one = 1;\nreturn { one };\n})();\n'
        'modules["a/two.js"] = (() => {\n'
        'const { one } = modules["a/one.js"];\n\nfunction two() {\n  return one;\n}\nreturn { two };\n})();\n'
        'modules["main.js"] = (() => {\nconst { two } = modules["a/two.js"];\ntwo();\nreturn {  };\n})();\n'
    )


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("export async function f() {}\n", "async function f() {}\nreturn { f };"),
        ("export class C {}\n", "class C {}\nreturn { C };"),
        ("const a = 1;\nconst b = 2;\nexport { a, b };\n", "const a = 1;\nconst b = 2;\n\nreturn { a, b };"),
        (
            'export { x, y } from "../v/lib.mjs";\n',
            'const { x, y } = modules["v/lib.mjs"];\nreturn { x, y };',
        ),
        ('import d from "../v/lib.mjs";\n', 'const { default: d } = modules["v/lib.mjs"];\nreturn {  };'),
    ],
)
def test_each_form_has_its_like(text: str, body: str) -> None:
    main = joined(main='import { x } from "./a/one.js";\n', a_one=text)["main.js"]

    assert f'modules["a/one.js"] = (() => {{\n{body}\n}})();\n' in main


def test_what_is_not_ours_is_imported_as_it_is() -> None:
    main = joined(main='import { h } from "./v/lib.mjs";\n')["main.js"]

    assert main.startswith('import * as outside0 from "./v/lib.mjs";\n')
    assert 'export const modules = { "v/lib.mjs": outside0 };\n' in main


def test_what_is_fetched_later_is_found_from_the_new_place() -> None:
    main = joined(
        main='import { x } from "./a/one.js";\n',
        a_one='export const x = [() => import("../b/later.js"), () => import("./two.js")];\n',
        a_two="export const two = 2;\n",
        b_later="export const later = 3;\n",
    )["main.js"]

    assert 'const x = [() => import("./b/later.js"), () => Promise.resolve(modules["a/two.js"])];' in main


def test_a_script_that_stays_apart_takes_what_is_joined_from_there_and_the_rest_from_beside_it() -> None:
    later = 'import { one } from "../a/one.js";\nimport { other } from "./other.js";\nexport const later = one;\n'

    scripts = joined(main="", a_one="export const one = 1;\n", b_later=later, b_other="export const other = 2;\n")

    assert scripts["b/later.js"] == (
        'import { modules } from "../main.js"; const { one } = modules["a/one.js"];\n'
        'import { other } from "./other.js";\nexport const later = one;\n'
    )
    assert scripts["b/other.js"] == "export const other = 2;\n"
    assert "a/one.js" not in scripts


@pytest.mark.parametrize(
    "text",
    [
        "export default 1;\n",
        "export let x = 1;\n",
        "export var x = 1;\n",
        "export function* x() {}\n",
        "const a = 1;\nexport { a as x };\n",
        'import { a as x } from "./two.js";\n',
        'import * as x from "./two.js";\n',
        'import "./two.js";\n',
        'import {\n  a,\n  b } from "./two.js";\n',
        "import { x } from './two.js';\n",
        'export * from "./two.js";\n',
    ],
)
def test_another_form_is_refused(text: str) -> None:
    with pytest.raises(UnknownFormError, match=r"a/one\.js"):
        joined(main="", a_one=text, a_two="export const a = 1;\n")


@pytest.mark.parametrize(
    "text",
    [
        'import {\n  a,\n} from "../a/two.js";\n',
        'export { a } from "../a/two.js";\n',
        'import * as a from "../a/two.js";\n',
    ],
)
def test_another_form_is_refused_in_a_script_that_stays_apart(text: str) -> None:
    with pytest.raises(UnknownFormError, match=r"b/later\.js"):
        joined(main="", a_two="export const a = 1;\n", b_later=text)


def test_the_main_script_runs_once_all_others_are_there() -> None:
    main = joined(main='import { a } from "./a/one.js";\n', a_one="export const a = 1;\n", a_zz="export const z = 2;\n")

    assert main["main.js"].index('modules["a/zz.js"]') < main["main.js"].index('modules["main.js"]')


def test_a_circle_is_refused() -> None:
    with pytest.raises(UnknownFormError, match=r"a/one\.js → a/two\.js → a/one\.js"):
        joined(main="", a_one='import { b } from "./two.js";\n', a_two='import { a } from "./one.js";\n')
