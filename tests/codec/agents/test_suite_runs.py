"""Commands that run tests are found after any wrapper, and no other commands are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.agents.suite_runs import SuiteRun, last_suite_run, suite_run_of, unwrapped
from codec.agents.transcript_events import Command

TESTS = """
pytest
cd x && pytest -q
FOO=1 BAR=2 pytest
uv run --with pytest-xdist pytest -q
poetry run pytest
.venv/bin/python -m pytest -q tests
python3.12 -m unittest discover
python -W error -m pytest
timeout -k 5 60 make check
nice -n 10 timeout 60 poetry run python -m pytest
npm test
npm run test:unit
npm --prefix web test
pnpm -r test
pnpm vitest run
yarn test
yarn jest --ci
npx -y vitest run
npx playwright test
bun test
deno task test
cargo +nightly test --all
cargo nextest run
go -C dir test ./...
make -j4 test
make -C sub check
tox -e py312
nox -s tests
./mvnw -pl core verify
./gradlew :app:test
./gradlew testDebugUnitTest
bundle exec rspec
bin/rails test
vendor/bin/phpunit
php artisan test
dotnet test
ctest --output-on-failure
bazel test //...
python manage.py test
python tests/test_x.py
./run_tests.sh
bash scripts/test.sh
bash -lc 'cd a && pytest -q'
bash -lc cd a && pytest -q
docker compose run --rm web sh -c "pytest -q"
docker compose exec web pytest
coverage run -m pytest
node --test
(cd x && pytest -q)
cmake --build build --target test
make lint; make test
""".strip().splitlines()
OTHERS = """
ls
echo pytest
git commit -m 'run pytest'
pip install pytest
uv add --dev pytest
npm install -D jest
yarn add jest
npm run build
npm run type-check
cargo check
cargo build --tests
make -C tests build
go run ./cmd/test
test -f x
cat test.py
pytest --version
uv run ruff check
grep -rn test .
git checkout test
python -c "import pytest"
nice cat pytest
""".strip().splitlines()


def run_of(text: str, code: int | None = 0) -> SuiteRun | None:
    return suite_run_of(Command(1, 2, text, exit_code=code))


@pytest.mark.parametrize("text", TESTS)
def test_a_command_that_runs_tests_is_found(text: str) -> None:
    assert run_of(text)


@pytest.mark.parametrize("text", OTHERS)
def test_another_command_is_not_taken_for_tests(text: str) -> None:
    assert run_of(text) is None


def test_a_here_document_is_not_a_command() -> None:
    assert run_of("cat > run.sh <<'EOF'\npytest\nEOF\n") is None
    assert run_of("cat > t.py <<'EOF'\nimport x\nEOF\npytest t.py")


@pytest.mark.parametrize(
    ("text", "code", "is_masked"),
    [
        ("pytest -q 2>&1 | tail -5", 0, True),
        ("set -o pipefail; pytest | tail -5", 1, False),
        ("pytest; echo done", 0, True),
        ("pytest || true", 0, True),
        ("pytest & wait", 0, True),
        ("pytest && echo done", 0, False),
        ("pytest && npm run build", 1, True),
        ("cd x && pytest", 1, False),
        ("pytest -k 'a|b;c'", 1, False),
        ("pytest &> log", 1, False),
    ],
)
def test_an_exit_code_that_is_not_that_of_the_tests_is_marked(
    text: str, code: int, is_masked: bool
) -> None:
    assert run_of(text, code) == SuiteRun(text, code, is_masked)


def test_the_last_run_counts_whatever_the_order_of_the_transcript() -> None:
    commands = [Command(3, 4, "make test", exit_code=1), Command(1, 2, "pytest", exit_code=0)]
    assert last_suite_run(commands) == SuiteRun("make test", 1)
    assert last_suite_run([Command(1, 2, "ls")]) is None
    untimed = [Command(0, 0, "pytest"), Command(0, 0, "tox"), Command(0, 0, "ls")]
    assert last_suite_run(untimed) == SuiteRun("tox", None)


def test_the_shell_around_a_command_line_is_not_shown() -> None:
    assert unwrapped("""/bin/bash -lc 'pytest -k "a"'""") == 'pytest -k "a"'


@given(st.text(alphabet="ab'\"\\;|&<>\n(){}$`= -#pytest", max_size=60))
def test_any_text_is_read(text: str) -> None:
    run_of(text)
