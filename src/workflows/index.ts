/** The workflow types, as the worker bundles them. */
export { download } from './download.js';
export { upload } from './upload.js';
