import { defineQuery, defineSignal } from '@temporalio/workflow';
import {
  COMMAND_RECORDED,
  type CommandSignalInput,
  type ProgressAnswer,
  type RecordedCommand,
} from '../contract/messages.js';

export const pauseSignal = defineSignal<[CommandSignalInput?]>('pause');
export const resumeSignal = defineSignal<[CommandSignalInput?]>('resume');
export const terminateSignal = defineSignal<[CommandSignalInput?]>('terminate');
export const commandRecordedSignal = defineSignal<[RecordedCommand]>(COMMAND_RECORDED);
export const progressQuery = defineQuery<ProgressAnswer>('progress');
