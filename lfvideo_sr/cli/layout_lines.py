"""The layouts of light fields and their descriptions, as help lists them. tests/cli/test_choices.py compares them with
the table, which takes NumPy to load."""

LAYOUT_LINES = {
    "views": "data set views, whose attribute axes names its axes",
    "crossnet": "CrossNet, light-field video: img_HR, img_LR_4 (item,row,column,channel,y,x)",
    "crossnet-sintel": "CrossNet Sintel: img_HR (clip,frame,channel,y,x) with frame_number; frames are columns",
    "lfssr-ato": "LFSSR-ATO: img_HR (item,row,column,y,x) with img_size",
    "basiclfsr": (
        "BasicLFSR patches: Lr_SAI_y, Hr_SAI_y, transposed mosaics; the grid is in the folder's name, like SR_5x5_4x"
    ),
    "toolbox73": "BasicLFSR, LF-Toolbox .mat v7.3, axes reversed: LF (channel,x,y,column,row)",
    "toolbox": "BasicLFSR, LF-Toolbox .mat v5: LF (row,column,y,x,channel)",
    "hci2013": "HCI 2013 .h5: LF, its horizontal view axis mirrored",
    "hci2016": "HCI 2016 .h5: LF beside disp_highres or disp_lowres",
    "array": "one data set (row,column,y,x,channel)",
    "folder": (
        "folder of view_R_C.png or other names with two numbers, row and column; or of names that --pattern describes"
    ),
    "hci2016-folder": "HCI 2016: input_Cam000.png, row by row, beside parameters.cfg",
    "jpeg-pleno": "JPEG Pleno: 003_004.ppm, column and row; written as view_R_C.png",
    "gantry": "Stanford gantry: out_RR_CC_y_x_.png",
    "eslf": "ESLF picture: of 14x14 views, (row,column) is picture[row::14, column::14]; --grid, else measured",
    "mosaic": "picture, folder of pictures or video with views side by side; needs --grid",
    "quilt": "Looking Glass NAME_qs8x6a0.75: side by side, one row of views from the bottom left; --grid 6x8",
}
