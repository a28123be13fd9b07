# SPDX-License-Identifier: GPL-3.0-or-later
"""The grid of photos: model, view, painting, thumbnails, actions on photos."""
