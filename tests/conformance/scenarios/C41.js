'use strict';
// C41: the peer ends while 8 MiB are in flight to it
const { cb, note, pair } = require('../trace.js');

pair({ server: { pauseOnConnect: true } }, (s, c) => {
  note('C', 'write 8 MiB ->', c.write(Buffer.alloc(8 << 20), cb('C', 'w.cb')));
  c.on('end', () => setImmediate(() => {
    note('C', '.readyState', c.readyState);
    s.resume();
  }));
  s.end();
});
