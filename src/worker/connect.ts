import { loadClientConnectConfig } from '@temporalio/envconfig';
import { NativeConnection, type NativeConnectionOptions } from '@temporalio/worker';
import type { Config } from '../config.js';
import type { Logger } from '../log.js';
import { retrying } from '../retrying.js';

/** Connects to Temporal and waits until its namespace exists; logs what is missing and how to fix it. */
export async function connectNatively(config: Config, log: Logger, signal: AbortSignal): Promise<NativeConnection> {
  const { connectionOptions } = loadClientConnectConfig();
  const { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace } = config;
  const hint = `Temporal is not available yet at ${address}, namespace "${namespace}". Start it and create the namespace, or set TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and its key; trying again.`;
  const connect = async () => {
    const connection = await NativeConnection.connect({ ...connectionOptions, address } as NativeConnectionOptions);
    try {
      await connection.workflowService.describeNamespace({ namespace });
      return connection;
    } catch (error) {
      await connection.close();
      throw error;
    }
  };
  return retrying(connect, hint, log, signal);
}
