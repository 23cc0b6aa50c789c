/**
 * Bundles the workflows into the folder of the compiled sources, as `workflow-bundle.js`: a worker that reads it rests
 * at 158 MB instead of 237 MB, because no bundler is ever loaded into it. Run by `launcher/run.mjs` at the end of each
 * build.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';

// Its own path tells which build it belongs to: a new build is written next to the current one.
const built = path.resolve(import.meta.dirname, '..');
const workflowsPath = path.join(built, 'src', 'workflows', 'index.js');
const payloadConverterPath = path.join(built, 'src', 'workflows', 'payload-converter.cjs');
const logger = new DefaultLogger('WARN');

const { code } = await bundleWorkflowCode({ workflowsPath, payloadConverterPath, logger });
writeFileSync(path.join(built, 'workflow-bundle.js'), code);
