'use strict';
// B03: connect to an address where nobody listens
const net = require('node:net');
const { refusedPort, watch } = require('../trace.js');

refusedPort('V', (port) => watch(net.connect(port, '127.0.0.1'), 'C'));
