'use strict';
// C24: two small writes, end and destroy in one go
const { cb, note, pair } = require('../trace.js');

pair({}, (s, c) => {
  note('C', 'write a ->', c.write('a', cb('C', 'w1.cb')));
  note('C', 'write b ->', c.write('b', cb('C', 'w2.cb')));
  c.end(cb('C', 'end.cb'));
  c.destroy();
});
