'use strict';
// C29b: the first write at a path whose peer is destroyed
const { cb, note, pair, settle } = require('../trace.js');

pair({ client: { allowHalfOpen: true }, unix: true }, (s, c) => {
  c.on('end', () => settle(() => note('C', 'write a ->', c.write('a', cb('C', 'w1.cb')))));
  s.destroy();
});
