import type { StarterConfig } from './config.js';
import { addressesOf } from './postgres-roles.js';

/** The servers that run here; absent where the configuration names one. */
export interface OwnServers {
  postgres?: { current: { url: string } };
  temporal?: { current: { address: string } };
}

/** The environment of API and worker: ours, with the addresses of the bundled servers and of the lesser roles. */
export function stackEnvironment(config: StarterConfig, { postgres, temporal }: OwnServers): NodeJS.ProcessEnv {
  // TLS or an API key in our environment are meant for the server it names, not for a bundled one.
  const isForeign = (name: string) => Boolean(temporal) && name.startsWith('TEMPORAL_');
  const inherited = Object.entries(process.env).filter(([name]) => !isForeign(name));
  return {
    ...Object.fromEntries(inherited),
    HOST: config.HOST,
    PORT: String(config.PORT),
    DATA_DIR: config.DATA_DIR,
    ...databaseEnvironment(config, postgres?.current.url),
    TEMPORAL_ADDRESS: temporal?.current.address ?? config.TEMPORAL_ADDRESS,
    TEMPORAL_NAMESPACE: config.TEMPORAL_NAMESPACE,
    LOG_LEVEL: config.LOG_LEVEL,
  };
}

/** Leaves out the administrator's address: with it API and worker would be administrators, too. */
function databaseEnvironment(config: StarterConfig, own: string | undefined): NodeJS.ProcessEnv {
  const { app, exporter } = own ? addressesOf(own) : { app: config.DATABASE_URL, exporter: config.DATABASE_EXPORT_URL };
  return { DATABASE_URL: app, DATABASE_EXPORT_URL: exporter, DATABASE_ADMIN_URL: undefined };
}
