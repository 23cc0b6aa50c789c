import { assembleActivity } from './assemble.js';
import { beginDownloadActivity, beginUploadActivity } from './begin.js';
import type { Dependencies } from './context.js';
import { controlActivities } from './control.js';
import { dumpPartActivity } from './dump-part.js';
import { inspectActivity } from './inspect.js';
import { loadPartActivity } from './load-part.js';
import { planActivity } from './plan.js';
import { prepareActivity } from './prepare.js';
import { publishActivity } from './publish.js';
import { rollbackActivity, tidyActivity } from './rollback.js';

/** All activities of the worker, over what they need. `window` is how many parts of one task are worked on at once. */
export function createActivities(dependencies: Dependencies, { window }: { window: number }) {
  return {
    ...controlActivities(dependencies),
    beginUpload: beginUploadActivity(dependencies, window),
    beginDownload: beginDownloadActivity(dependencies, window),
    inspect: inspectActivity(dependencies),
    prepare: prepareActivity(dependencies, window),
    loadPart: loadPartActivity(dependencies),
    publish: publishActivity(dependencies),
    plan: planActivity(dependencies, window),
    dumpPart: dumpPartActivity(dependencies),
    assemble: assembleActivity(dependencies),
    rollback: rollbackActivity(dependencies),
    tidy: tidyActivity(dependencies),
  };
}

export type Activities = ReturnType<typeof createActivities>;
