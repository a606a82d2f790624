'use strict';
// C09b: pause in the data listener, with one more chunk in the buffer
const { note, pair, settle, until } = require('../trace.js');

pair({ s: { chunks: true } }, (s, c) => {
  s.pause();
  s.once('data', () => {
    s.pause();
    settle(() => {
      note('S', '.readableLength', s.readableLength);
      s.resume();
    });
  });
  c.write('a');
  until(() => s.readableLength === 1, () => {
    c.end('bc');
    until(() => s.readableLength === 3, () => s.resume());
  });
});
