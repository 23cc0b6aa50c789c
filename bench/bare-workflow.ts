import { proxyActivities } from '@temporalio/workflow';

const { nothing } = proxyActivities<{ nothing(): Promise<void> }>({ startToCloseTimeout: '1 minute' });

/** The least that a durable task costs: one activity that does nothing. */
export async function bare(): Promise<void> {
  await nothing();
}
