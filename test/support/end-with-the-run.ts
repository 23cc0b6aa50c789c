// Ends this process with the run, even after a SIGKILL. It would otherwise continue its tests, with their servers.
process.once('disconnect', () => process.exit(1));
