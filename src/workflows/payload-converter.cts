import common = require('@temporalio/common');

/**
 * Reads payloads as the SDK does, and what it cannot read as undefined: an odd argument of a signal must not block the
 * workflow, which would meet it again at every try. A CommonJS module, since the SDK requires it.
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
