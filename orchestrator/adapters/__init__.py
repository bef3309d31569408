"""The real world behind the ports: one backend per module, which never imports another one."""
