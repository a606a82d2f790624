'use strict';
// C24c: destroy in the callback of the first of two small writes
const { cb, note, pair } = require('../trace.js');

pair({}, (s, c) => {
  const done = cb('C', 'w1.cb');
  note('C', 'write a ->', c.write('a', (error) => {
    done(error);
    c.destroy();
  }));
  note('C', 'write b ->', c.write('b', cb('C', 'w2.cb')));
  c.end(cb('C', 'end.cb'));
});
