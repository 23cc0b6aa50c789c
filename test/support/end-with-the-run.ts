// Whatever ends the run, a SIGKILL even: without it this process would go on with its tests and their servers.
process.once('disconnect', () => process.exit(1));
