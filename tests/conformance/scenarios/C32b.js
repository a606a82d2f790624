'use strict';
// C32b: destroySoon, and destroy before it has finished
const { cb, note, pair } = require('../trace.js');

pair({}, (s, c) => {
  note('C', 'write a ->', c.write('a', cb('C', 'w.cb')));
  c.destroySoon();
  c.destroySoon();
  c.destroy();
});
