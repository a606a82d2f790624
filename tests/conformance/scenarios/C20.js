'use strict';
// C20: destroy in the data listener, with one more chunk in the buffer
// deviation Q-05: no data after destroy
//   S chunk 1
// - S chunk 1
//   S close false
const { pair, until } = require('../trace.js');

pair({ s: { chunks: true } }, (s, c) => {
  s.on('data', () => s.destroy());
  s.pause();
  c.write('a');
  until(() => s.readableLength === 1, () => {
    c.write('b');
    until(() => s.readableLength === 2, () => s.resume());
  });
});
