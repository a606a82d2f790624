'use strict';
// C24b: two small writes, end and destroy with an error
const { cb, note, pair } = require('../trace.js');

pair({}, (s, c) => {
  note('C', 'write a ->', c.write('a', cb('C', 'w1.cb')));
  note('C', 'write b ->', c.write('b', cb('C', 'w2.cb')));
  c.end(cb('C', 'end.cb'));
  c.destroy(new Error('mine'));
});
