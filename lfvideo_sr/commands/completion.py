"""`lfvideo-sr completion`: what a shell runs to complete a command line of this program."""

from ..checks import check_choice

SHELLS = ("bash", "zsh", "fish", "powershell")
_PROGRAM, _VARIABLE = "lfvideo-sr", "_LFVIDEO_SR_COMPLETE"


def print_completion(shell: str) -> None:
    """Print the script for a shell."""
    from typer.completion import completion_init, get_completion_script

    check_choice("SHELL", shell, SHELLS)
    completion_init()
    print(get_completion_script(prog_name=_PROGRAM, complete_var=_VARIABLE, shell=shell))


def install_completion(shell: str) -> None:
    """Write the script into a folder of the user's, and name it in the shell's own start-up file."""
    from typer.completion import completion_init, install

    check_choice("SHELL", shell, SHELLS)
    completion_init()
    _, path = install(shell, _PROGRAM, _VARIABLE)
    print(f"completion  {path}; it works in a new shell")
