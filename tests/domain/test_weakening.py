"""What makes tests say less: found in each language, and found in linear time whatever an agent writes."""

import time

import pytest

from penstock.domain.weakening import may_hold_tests, weakened

PYTHON = """
import pytest

def test_one():
    assert add(1, 2) == 3
    assert add(0, 0) == 0

class TestMore:
    async def test_two(self):
        with pytest.raises(ValueError):
            add("a", 1)
        self.assertEqual(add(2, 2), 4)
"""
TYPESCRIPT = """
describe("add", () => {
  it("adds", () => { expect(add(1, 2)).toBe(3); });
  test.each([[1]])(`adds ${x}`, () => { expect(1).toBe(1) });
  test('fails', () => { assert.throws(() => add()); });
});
"""
GO = """
func TestAdd(t *testing.T) {
	if add(1, 2) != 3 {
		t.Errorf("wrong")
	}
	require.Equal(t, 4, add(2, 2))
}

func FuzzAdd(f *testing.F) { f.Fatal("x") }
"""
RUST = """
pub fn add(a: u8, b: u8) -> u8 { a + b }

#[cfg(test)]
mod tests {
    #[test]
    fn adds() { assert_eq!(add(1, 2), 3); }

    #[tokio::test]
    #[should_panic(expected = "overflow")]
    async fn overflows() { assert!(add(255, 1) == 0); }
}
"""
FILES = {"tests/test_add.py": PYTHON, "src/add.test.ts": TYPESCRIPT, "add_test.go": GO, "src/add.rs": RUST}


@pytest.mark.parametrize("path", FILES)
def test_the_same_and_more_of_it_weaken_nothing(path):
    assert weakened(path, FILES[path], FILES[path]) == ()
    assert weakened(path, FILES[path], FILES[path] * 2) == ()
    assert weakened(path, "", FILES[path]) == ()


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("tests/test_add.py", "tests test_one, test_two"),
        ("src/add.test.ts", "tests adds, fails"),
        ("add_test.go", "tests TestAdd, FuzzAdd"),
        ("src/add.rs", "tests adds, overflows"),
    ],
)
def test_a_file_that_is_gone_is_named_with_its_tests(path, names):
    assert weakened(path, FILES[path], None) == (f"{path}: deleted, with {names}",)


@pytest.mark.parametrize(
    ("path", "old", "new", "said"),
    [
        ("tests/test_add.py", "def test_one", "def check_one", "test test_one removed"),
        ("tests/test_add.py", "    assert add(0, 0) == 0\n", "", "fewer assertions (4 before, 3 now)"),
        ("tests/test_add.py", "    assert add(0, 0)", "    # assert add(0, 0)", "fewer assertions (4 before, 3 now)"),
        ("tests/test_add.py", "def test_one", "@pytest.mark.skip\ndef test_one", "more is skipped (0 before, 1 now)"),
        (
            "tests/test_add.py",
            "        self.assertEqual(",
            "        self.skipTest('x') or self.assertEqual(",
            "more is skipped (0 before, 1 now)",
        ),
        ("src/add.test.ts", "it(", "it.skip(", "more is skipped (0 before, 1 now)"),
        ("src/add.test.ts", "it(", "it.only(", "more is skipped (0 before, 1 now)"),
        ("src/add.test.ts", "test('fails'", "hold('fails'", "test fails removed"),
        ("src/add.test.ts", "expect(1)", "// expect(1)", None),
        (
            "src/add.test.ts",
            "expect(add(1, 2)).toBe(3);",
            "/* expect(add(1, 2)).toBe(3); */",
            "fewer assertions (3 before, 2 now)",
        ),
        (
            "add_test.go",
            "if add(1, 2) != 3 {",
            't.Skip("later")\n\tif add(1, 2) != 3 {',
            "more is skipped (0 before, 1 now)",
        ),
        ("add_test.go", "\trequire.Equal(t, 4, add(2, 2))\n", "", "fewer assertions (3 before, 2 now)"),
        ("src/add.rs", "#[test]\n", "#[test]\n    #[ignore]\n", "more is skipped (0 before, 1 now)"),
        ("src/add.rs", "#[tokio::test]\n", "", "test overflows removed"),
        ("src/add.rs", "assert_eq!(add(1, 2), 3);", "", "fewer assertions (3 before, 2 now)"),
    ],
)
def test_each_way_to_say_less_is_named(path, old, new, said):
    after = FILES[path].replace(old, new, 1)
    assert after != FILES[path]
    assert weakened(path, FILES[path], after) == (() if said is None else (f"{path}: {said}",))


def test_a_test_that_is_there_twice_and_then_once_is_missed():
    twice = "class A:\n    def test_x(self): ...\nclass B:\n    def test_x(self): ...\n"
    assert weakened("test_a.py", twice, twice.partition("class B")[0]) == ("test_a.py: test test_x removed",)


def test_many_names_are_cut_short():
    many = "".join(f"def test_{number}(): ...\n" for number in range(9))
    assert weakened("test_a.py", many, "") == (
        "test_a.py: tests test_0, test_1, test_2, test_3, test_4 and 4 more removed",
    )


@pytest.mark.parametrize(
    "path", ["src/add.py", "src/testing.ts", "main.go", "README.md", "latest.py", "contest.rs.txt"]
)
def test_other_files_are_not_looked_at(path):
    assert not may_hold_tests(path)
    assert weakened(path, PYTHON, None) == ()


HOSTILE = [
    "\n",
    " ",
    "/*",
    "it('",
    "it.a.",
    "test.",
    "#[test ",
    "#[test]",
    "#[a::",
    "def ",
    "assert.",
    "@skip",
    "//",
    "`",
    "xit(",
    "async def\n",
]


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES)
def test_no_text_takes_more_than_linear_time(path):
    for piece in HOSTILE:
        text = piece * (256 * 1024 // len(piece))
        began = time.process_time()
        weakened(path, text, text)
        assert time.process_time() - began < 5, piece
