"""`python -m framework`."""

import signal

if __name__ == "__main__":
    # Ctrl-C while modules are imported ends us without a word; `main` takes it from there.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

    from framework.cli.main import main

    main()
