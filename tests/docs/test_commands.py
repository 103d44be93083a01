"""The command lines of the documents, run as they are written where that is possible.

They are the lines of ```sh blocks, and what stands in `backquotes` in the text and begins with the name of a
program. Each is in one of two classes: it matches a row of CANNOT, which says why, or it is run here, in a folder
that looks like a source tree with pictures of Anna and Bruno in it. There `bifrons train` is made small by keys
behind the command's own; nothing else is changed. A command that is in neither class fails."""

import os
import pathlib
import re
import shlex
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIFRONS = pathlib.Path(os.environ.get("BIFRONS", ROOT / "build/dev/bifrons")).resolve()
DOCUMENTS = sorted(str(path.relative_to(ROOT)) for folder in (".", "docs", "slurm", "configs", "python", "bench")
                   for path in (ROOT / folder).glob("*.md") if path.name not in ("README.ja.md", "CHANGELOG.md"))
PROGRAMS = ["bifrons", "mpirun", "srun", "sbatch", "salloc", "scancel", "scontrol", "cmake", "tensorboard", "apptainer",
            "pip", "export", "exec", "module"]

# What a command looks like that is not run here, and why. The first row that matches counts.
CANNOT = [
    (r"…(?!\")|(?<!-)\b(CONFIG|DIR|FILE|JOB|NAME|COMMAND|N)\b|=…", "a pattern: words are to be filled in"),
    (r"<\(make-config\)", "is refused, as the text says: cli/test_reasons"),
    (r"^slurm/job$|^bifrons (?!info$)[a-z]+$", "a name, no command line"),
    (r"^(bifrons inspect --verify|bifrons synth --seed 11)$", "an option, without what it goes with"),
    (r"^(sbatch|srun|salloc|scancel|scontrol)\b", "needs Slurm: tests/slurm; its arguments: test_a_job_has_a_picture_for_each_rank"),
    (r"^scripts/(demo|test|setup|build|format|torture|fuzz|check-cuda|check-gpu|bundle-gpu|check-style)\b", "installs, builds or tests for minutes"),
    (r"^tar -xf bifrons-gpu", "an archive of scripts/bundle-gpu, on a machine with a GPU"),
    (r"^bench/\S+", "measures for minutes: tests/bench runs it with --quick"),
    (r"^(\.venv/bin/)?pip |^\S*tensorboard\b", "a package from the internet"),
    (r"^cmake --install|^~/.local/libexec/bifrons/uninstall", "tests/cmake installs and removes"),
    (r"^docker ", "takes a container program and builds for minutes"),
    (r"^(cmake --build|ctest --test-dir) build/dev", "builds and tests for minutes"),
    (r"^bifrons extract\b|^bifrons swap .*--into\b|^bifrons eval .*--faces\b",
     "takes the networks of scripts/setup --photographs: cli/test_extract, cli/test_into, cli/test_videos, cli/test_val_metrics"),
    (r"^module |^apptainer |exec apptainer|^exec \$HOME", "modules, containers and places of some other site"),
]

# Behind the arguments of `bifrons train`, so that minutes become a second.
SMALL = ["train.max_steps=2", "train.threads=1", "train.precision=fp32", "train.device=cpu", "model.width=32", "model.width_max=32",
         "model.latent=8",
         "log.preview_epochs=0"]


def fenced(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def commands(document):
    """Of a document, in order: blocks first, then the text. Lines that go on are one command."""
    text = (ROOT / document).read_text()
    for block in fenced(text, "sh"):
        if block.startswith("#!"):
            continue  # a script to be written, not a command
        for line in block.replace("\\\n", " ").splitlines():
            if line.strip() and not line.startswith("#"):
                yield line.strip()
    prose = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    for span in re.findall(r"(?<!`)`([^`]+)`(?!`)", prose):
        span = " ".join(span.split())
        if re.match(rf"({'|'.join(PROGRAMS)})\s|(scripts|bench|slurm)/[\w-]+(\s|$)|\.venv/", span) and not span.endswith(".py"):
            yield span


def bare(command):
    """Without the comment at its end."""
    return re.sub(r"\s#\s.*$", "", command).strip()


def why_not(command):
    return next((reason for pattern, reason in CANNOT if re.search(pattern, bare(command))), None)


RUN = {document: [command for command in commands(document) if not why_not(command)] for document in DOCUMENTS}


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """photos/anna and photos/bruno, anna.h5 and bruno.h5."""
    folder = tmp_path_factory.mktemp("people")
    for words in (["synth", "drawn", "--count", "12", "--size", "64"],
                  ["pack", "drawn/person_a", "-o", "anna.h5", "--size", "64"],
                  ["pack", "drawn/person_b", "-o", "bruno.h5", "--size", "64"]):
        subprocess.run([BIFRONS, *words], cwd=folder, check=True, capture_output=True, timeout=120)
    return folder


@pytest.fixture
def tree(people, tmp_path):
    """As the documents take a source tree to be, with a program that trains little."""
    for name in ("configs", "scripts", "slurm", "bench", "python"):
        (tmp_path / name).symlink_to(ROOT / name)
    for person, letter in (("anna", "a"), ("bruno", "b")):
        shutil.copytree(people / f"drawn/person_{letter}", tmp_path / f"photos/{person}")
        for name in (f"{person}.h5", f"demo/data/{letter}.h5"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).symlink_to(people / f"{person}.h5")
    (tmp_path / "docs").mkdir()
    (tmp_path / "prod512.toml").write_text((ROOT / "configs/prod512.toml").read_text()
                                           .replace("global_batch = 32", "global_batch = 2")
                                           .replace("[model]", "[data]\na = 'anna.h5'\nb = 'bruno.h5'\n\n[model]"))
    shutil.copy(ROOT / "configs/clusters/cpu2.toml", tmp_path / "here.toml")
    program = tmp_path / "build/release/bifrons"
    program.parent.mkdir(parents=True)
    small = " ".join(f"--set {key}" for key in SMALL)
    program.write_text(f"""#!/bin/sh
case $* in
train*--find-lr*) exec {BIFRONS} "$@" {small} --find-lr=20 ;;
train*) exec {BIFRONS} "$@" {small} ;;
*) exec {BIFRONS} "$@" ;;
esac
""")
    program.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize("document", [document for document in DOCUMENTS if RUN[document]])
def test_what_can_be_run_runs(document, tree):
    """In one shell, as one would type it; it says which one failed."""
    script = "\n".join(f"echo {shlex.quote('@@@ ' + command)}\n{command}\nstatus=$?\n"
                       "[ $status = 0 ] || { echo \"@@@ ended with $status\"; exit 1; }" for command in RUN[document])
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SLURM_")}
    done = subprocess.run(["bash", "-c", script], cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          stdin=subprocess.DEVNULL, timeout=600,
                          env={**environment, "PATH": f"{tree}/build/release:{os.environ['PATH']}"})
    assert done.returncode == 0, done.stdout[-6000:]


def test_the_steps_of_the_readme_are_among_them():
    assert sum(map(len, RUN.values())) >= 20
    for words in ("pack photos/anna", "--ranks 2", "eval runs/anna-bruno", "swap runs/anna-bruno", "train --data-a"):
        assert any(words in command for command in RUN["README.md"]), words


def test_the_japanese_readme_shows_the_same_commands():
    """It is no document of its own here: its commands are those of README.md."""
    english, japanese = (sorted(map(bare, commands(name))) for name in ("README.md", "README.ja.md"))
    assert japanese == english


def test_every_row_is_needed():
    everything = [bare(command) for document in DOCUMENTS for command in commands(document)]
    for pattern, reason in CANNOT:
        assert any(re.search(pattern, command) for command in everything), f"nothing is {reason}: {pattern}"


def words_of(command):
    return shlex.split(bare(command).replace("…", "x").replace("`", ""), comments=True)


def options_told(*program):
    done = subprocess.run([*program, "--help"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return set(re.findall(r"--[a-z][a-z0-9-]*", done.stdout))


def commands_elsewhere():
    """(place, command) of what configurations and --help show."""
    for config in sorted((ROOT / "configs").rglob("*.toml")):
        for command in re.findall(r"^#   (bifrons .*?)(?: {3,}.*)?$", config.read_text(), re.M):
            yield config.relative_to(ROOT), command
    usage = subprocess.run([BIFRONS, "--help"], capture_output=True, text=True, timeout=60).stdout
    for name in re.findall(r"^  ([a-z]+)  ", usage, re.M):
        told = subprocess.run([BIFRONS, name, "--help"], capture_output=True, text=True, timeout=60).stdout
        for command, after in re.findall(r"^  \$ (bifrons (?:\\\n|[^\n])*?[^\\\n])\n(?=(.?))", told, re.M):
            assert after in ("", " "), f"bifrons {name} --help breaks an example: {command}"
            yield f"bifrons {name} --help", command.replace("\\\n", " ")


def test_every_option_and_configuration_exists():
    """Of patterns, too."""
    told, unknown = {}, []
    shown = [(document, command) for document in DOCUMENTS for command in commands(document)]
    elsewhere = list(commands_elsewhere())
    assert len(elsewhere) >= 10
    for place, command in shown + elsewhere:
        found = re.search(r"(?:^|\s)(bifrons [a-z]+|(?:scripts|bench)/[\w-]+)(\s.*)?$", bare(command))
        if not found or not (found.group(1).startswith("bifrons") or os.access(ROOT / found.group(1), os.X_OK)):
            continue
        program = (BIFRONS, found.group(1).split()[1]) if found.group(1).startswith("bifrons") else (ROOT / found.group(1),)
        arguments = found.group(2) or ""
        if program not in told:
            told[program] = options_told(*program)
        unknown += [f"{place}: {command}: {option}" for option in re.findall(r"\s(--[a-z][a-z-]*)", arguments)
                    if option not in told[program]]
        unknown += [f"{place}: {command}: {name}" for name in re.findall(r"configs/\S+\.toml", arguments)
                    if not (ROOT / name).exists()]
    assert unknown == []


def slurm_options(script):
    return " ".join(re.findall(r"^#SBATCH (.*)$", (ROOT / script).read_text(), re.M))


@pytest.mark.parametrize("command", sorted({
    bare(command) for document in DOCUMENTS for command in commands(document)
    if re.match(r"sbatch .*slurm/train\.sbatch configs/", command) and "…" not in bare(command)}))
def test_a_job_has_a_picture_for_each_rank(command, tree):
    """The arguments of a job, on as many ranks as it has."""
    options, _, arguments = command.partition("slurm/train.sbatch")
    given = f"{slurm_options('slurm/train.sbatch')} {options}"
    nodes, tasks = (int(re.findall(rf"--{name}=(\d+)", given)[-1]) for name in ("nodes", "ntasks-per-node"))
    done = subprocess.run([BIFRONS, "plan", "--json", "--ranks", str(nodes * tasks), *shlex.split(arguments)], cwd=tree,
                          capture_output=True, text=True, timeout=60)
    assert nodes * tasks == 8 and done.returncode == 0, done.stderr
