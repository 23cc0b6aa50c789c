import common = require('@temporalio/common');

/**
 * Reads payloads as the SDK does, and unreadable ones as undefined: an odd argument of a signal must not block the
 * workflow, whose task would fail on it at every attempt. It is a CommonJS module because the SDK requires one.
 */
const payloadConverter: common.PayloadConverter = {
  toPayload: (value) => common.defaultPayloadConverter.toPayload(value),
  fromPayload: <T,>(payload: common.Payload): T => {
    try {
      return common.defaultPayloadConverter.fromPayload<T>(payload);
    } catch {
      return undefined as T;
    }
  },
};

export = { payloadConverter };
