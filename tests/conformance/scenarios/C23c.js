'use strict';
// C23c: destroy with an error when the second batch is in flight
const { cb, note, pair } = require('../trace.js');

pair({ s: null }, (s, c) => {
  s.resume();
  const done = cb('C', 'w1.cb');
  note('C', 'write 8 MiB ->', c.write(Buffer.alloc(8 << 20), (error) => {
    done(error);
    note('C', 'write d ->', c.write('d', cb('C', 'w4.cb')));
    c.end(cb('C', 'end.cb'));
    c.destroy(new Error('mine'));
  }));
  note('C', 'write 8 MiB ->', c.write(Buffer.alloc(8 << 20), cb('C', 'w2.cb')));
  note('C', 'write c ->', c.write('c', cb('C', 'w3.cb')));
});
