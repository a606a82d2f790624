'use strict';
// C42d: the callback of 6 MiB destroys
const { cb, note, pair } = require('../trace.js');

pair({}, (s, c) => {
  const done = cb('C', 'w1.cb');
  note('C', 'write 6 MiB ->', c.write(Buffer.alloc(6 << 20), (error) => {
    done(error);
    c.destroy();
  }));
  note('C', 'write b ->', c.write('b', cb('C', 'w2.cb')));
  c.end(cb('C', 'end.cb'));
});
