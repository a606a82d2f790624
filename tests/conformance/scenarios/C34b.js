'use strict';
// C34b: resetAndDestroy while it connects, with two writes
const net = require('node:net');
const { cb, note, serve, watch } = require('../trace.js');

serve(1, {}, (s) => s.on('error', () => {}), (port) => {
  const c = watch(new net.Socket(), 'C', { data: true });
  c.connect(port, '127.0.0.1');
  note('C', 'write a ->', c.write('a', cb('C', 'w1.cb')));
  note('C', 'write b ->', c.write('b', cb('C', 'w2.cb')));
  c.resetAndDestroy();
});
