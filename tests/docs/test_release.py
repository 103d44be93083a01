"""What goes out with the program: one version everywhere, and a container that gets all the build takes, no more."""
import pathlib
import re
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def text(name):
    return (ROOT / name).read_text()


def test_the_version_is_the_same_everywhere():
    version = re.search(r"^project\(bifrons VERSION (\S+) ", text("CMakeLists.txt"), re.M).group(1)
    assert f'"{version}"' in text("src/base/include/base/version.h")
    assert re.search(r"^## \[(.*?)\]", text("CHANGELOG.md"), re.M).group(1) == version
    assert re.search(r"^version: (\S+)$", text("CITATION.cff"), re.M).group(1) == version
    assert f"バージョン {version}" in text("README.ja.md")
    assert re.search(r'^version = "(.*)"$', text("python/pyproject.toml"), re.M).group(1) == version
    assert f'__version__ = "{version}"' in text("python/bifrons/__init__.py")


def let_through():
    """The names at the top of the source tree that .dockerignore lets into the image."""
    first, *others = [line for line in text(".dockerignore").splitlines() if line and not line.startswith("#")]
    assert first == "*" and all(re.fullmatch(r"![\w.]+", line) for line in others)
    return [line[1:] for line in others]


def test_the_container_gets_what_the_build_takes(tmp_path):
    """Configured from a copy. What is only installed is named by its path."""
    for name in let_through():
        if name != ".git":
            (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, tmp_path / name)
    torch = subprocess.run(["bash", "-c", ". scripts/lib.sh; libtorch_folder"], cwd=ROOT, capture_output=True, text=True, check=True)
    done = subprocess.run(["cmake", "-S", tmp_path, "-B", tmp_path / "build", "-G", "Ninja", "-DBIFRONS_TESTS=OFF",
                           f"-DLIBTORCH_DIR={torch.stdout.strip()}"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    for name in re.findall(r"\$\{PROJECT_SOURCE_DIR\}/([\w./-]+)", text("cmake/BifronsInstall.cmake")):
        assert (tmp_path / name).exists() or name.startswith("build/"), f"{name} does not get into the image"


def test_the_commit_of_a_build_is_that_of_its_sources(tmp_path):
    """Missing files do not count: the container has no tests. Changed files do."""
    def git(*words):
        return subprocess.run(["git", "-C", tmp_path / "tree", "-c", "user.name=x", "-c", "user.email=x", *words],
                              capture_output=True, text=True, check=True).stdout.strip()

    def commit():
        subprocess.run(["cmake", "-D", f"SOURCE={tmp_path}/tree", "-D", f"OUTPUT={tmp_path}/commit.h", "-P",
                        ROOT / "cmake/BifronsCommit.cmake"], check=True, capture_output=True, timeout=60)
        return (tmp_path / "commit.h").read_text().split('"')[1]

    (tmp_path / "tree").mkdir()
    assert commit() == "unknown"
    for name in ("source.c", "document.md"):
        (tmp_path / "tree" / name).write_text("")
    git("init", "-q")
    assert commit() == "unknown"  # nothing is committed
    git("add", ".")
    git("commit", "-q", "-m", "x")
    (tmp_path / "tree/document.md").unlink()
    assert commit() == git("rev-parse", "HEAD")
    (tmp_path / "tree/source.c").write_text("int x;")
    assert commit() == git("rev-parse", "HEAD") + "-dirty"


def test_the_container_gets_no_pictures_sets_or_runs():
    """Only what git tracks: a folder of the user's has another name."""
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    tops = {name.split("/")[0] for name in tracked}
    assert set(let_through()) - {".git"} <= tops
    assert not {"demo", "runs", "photos", "build", ".venv"} & set(let_through())


def test_the_container_runs_scripts_that_exist_as_readme_shows():
    containerfile = text("Containerfile")
    for script, options in re.findall(r"(scripts/\w+)((?: --\w+)*)", containerfile):
        told = subprocess.run([ROOT / script, "--help"], capture_output=True, text=True, check=True).stdout
        assert all(option in told for option in options.split()), f"{script}{options}"
    shown = re.findall(r"^#     (docker .*)$", containerfile, re.M)
    assert len(shown) == 4 and all(command in text("README.md") for command in shown[:2])
    assert '--build-arg SETUP="--torch cuda --photographs"' in shown[2] and "--gpus all" in shown[3]
    assert '--build-arg SETUP="--torch cuda --photographs"' in text("README.md")
