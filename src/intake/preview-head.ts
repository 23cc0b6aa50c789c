import type { Preview } from '../contract/answers.js';
import { parsedEncoder } from '../csv/encode.js';
import { emptyEvidence } from '../csv/evidence.js';
