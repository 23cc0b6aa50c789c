/** The API as a process of its own. Exit status 0 after an orderly stop, 1 after an error. */
import { assertSafeToServe, loadConfig } from '../config.js';
import { armFailpoints } from '../failpoint.js';
import { createLogger } from '../log.js';
import { startApi } from './start-api.js';

try {
  const config = loadConfig();
  assertSafeToServe(config);
  if (config.FAILPOINT) armFailpoints(config.FAILPOINT, config.NODE_ENV);
  const log = createLogger(config.LOG_LEVEL, 'api');
  const api = await startApi(config, log);
  let stopping = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stopping) return;
      stopping = true;
      log.info({ signal }, 'stopping the API');
      api.close().then(
        () => process.exit(0),
        (error: unknown) => {
          log.fatal({ err: error }, 'the API did not shut down cleanly');
          process.exit(1);
        },
      );
    });
  }
} catch (error) {
  process.stderr.write(`long-task api: ${(error as Error).message}\n`);
  process.exit(1);
}
