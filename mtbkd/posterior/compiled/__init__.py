"""The compiled form of a posterior of a small student: ``posterior`` lays it out, the other modules are its loops."""
