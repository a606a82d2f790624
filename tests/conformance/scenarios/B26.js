'use strict';
// B26: a signal aborts an open socket
const { note, pair } = require('../trace.js');

const controller = new AbortController();
pair({ client: { signal: controller.signal } }, (s, c) => {
  controller.abort();
  note('C', '.destroyed', c.destroyed);
  note('C', '.readyState', c.readyState);
});
