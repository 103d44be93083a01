"""A real Slurm of two nodes on this machine, for as long as a `with` block lasts."""
import os
import pathlib
import shutil
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "ip", "unshare", "nsenter")
PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"


def unavailable():
    """Why there can be no cluster here, or None."""
    missing = [name for name in PROGRAMS if not shutil.which(name, path=PATH)]
    if missing:
        return f"no {', '.join(missing)}: scripts/setup --slurm installs them"
    if os.geteuid() != 0:
        return "Slurm's daemons and namespaces take root"
    allowed = subprocess.run(["unshare", "--net", "--mount", "--pid", "--fork", "ip", "link", "add",
                              "x", "type", "bridge"], capture_output=True, env={"PATH": PATH})
    return None if allowed.returncode == 0 else "this container may not make namespaces and networks"


def wait_for(condition, what, timeout_s=60):
    """The first true value of condition(); an assertion with `what` when there is none in time."""
    end = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < end, f"not within {timeout_s} s: {what() if callable(what) else what}"
        time.sleep(0.05)
    return value


class Cluster:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def __enter__(self):
        self.folder.mkdir(parents=True)
        state = self.folder / "state.txt"
        self.keeper = subprocess.Popen([HERE / "cluster.sh", self.folder], stdin=subprocess.PIPE,
                                       env={**os.environ, "PATH": PATH}, start_new_session=True)
        try:
            wait_for(lambda: state.exists() and state.read_text() or self.keeper.poll(), self.log, 100)
            assert state.exists() and state.read_text() == "ready\n", self.log()
            children = pathlib.Path(f"/proc/{self.keeper.pid}/task/{self.keeper.pid}/children")
            self.inside = children.read_text().split()[0]
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.keeper.kill()  # and with it everything in its namespaces
        self.keeper.wait()
        self.keeper.stdin.close()

    def log(self):
        return "\n".join(f"--- {p.name}\n{p.read_text(errors='replace')[-2000:]}"
                         for p in sorted(self.folder.glob("log/*")))

    def begin(self, *words, cwd, **environment):
        """A command on the login node, under way."""
        command = ["nsenter", f"--target={self.inside}", "--net", "--mount", "--pid",
                   f"--wd={cwd}", *map(str, words)]
        clean = {k: v for k, v in os.environ.items()
                 if not k.startswith(("SLURM_", "SBATCH_", "OMPI_MCA_", "PMIX_"))}
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                stdin=subprocess.DEVNULL,
                                env={**clean, "PATH": PATH, **environment,
                                     "SLURM_CONF": str(self.folder / "slurm.conf")})

    def start(self, *words, cwd, timeout_s=60, **environment):
        """The same, come to its end."""
        with self.begin(*words, cwd=cwd, **environment) as process:
            try:
                out, err = process.communicate(timeout=timeout_s)
            except BaseException:
                process.kill()
                raise
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def run(self, *words, **options):
        """The same; its output. Fails the test when the command fails."""
        done = self.start(*words, **options)
        assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout
