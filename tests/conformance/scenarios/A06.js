'use strict';
// A06: close a server that never listened
const net = require('node:net');
const { cb, watch } = require('../trace.js');

watch(net.createServer(), 'V').close(cb('V', 'close.cb'));
