'use strict';
// C23b: destroy with an error while corked
const { cb, note, pair } = require('../trace.js');

pair({}, (s, c) => {
  c.cork();
  note('C', 'write a ->', c.write('a', cb('C', 'w1.cb')));
  note('C', 'write b ->', c.write('b', cb('C', 'w2.cb')));
  c.destroy(new Error('mine'));
});
