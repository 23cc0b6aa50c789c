import { defineQuery, defineSignal } from '@temporalio/workflow';
import type { CommandSignalInput, ProgressAnswer } from '../contract/messages.js';

export const pauseSignal = defineSignal<[CommandSignalInput?]>('pause');
export const resumeSignal = defineSignal<[CommandSignalInput?]>('resume');
export const terminateSignal = defineSignal<[CommandSignalInput?]>('terminate');
export const progressQuery = defineQuery<ProgressAnswer>('progress');
