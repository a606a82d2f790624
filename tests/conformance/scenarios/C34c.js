'use strict';
// C34c: resetAndDestroy while it connects where nobody listens
const net = require('node:net');
const { refusedPort, watch } = require('../trace.js');

refusedPort('V', (port) => {
  const c = watch(new net.Socket(), 'C', { data: true });
  c.connect(port, '127.0.0.1');
  c.resetAndDestroy();
});
