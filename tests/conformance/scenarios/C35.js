'use strict';
// C35: resetAndDestroy of a socket that was never connected
// deviation D-06: close has an argument
// - C close
// + C close false
const net = require('node:net');
const { watch } = require('../trace.js');

watch(new net.Socket(), 'C').resetAndDestroy();
